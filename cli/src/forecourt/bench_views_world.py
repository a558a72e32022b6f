"""The orders of `bench views`: days of refuelling at made-up stations, on a topic that lives only for the benchmark."""

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from local_stack.config import Config
from local_stack.environment import kafka_credentials
from schemas import events
from schemas.base import Event, rfc3339
from schemas.orders import PricePart
from servicekit.envelope import event_headers, source_of, to_record
from servicekit.ids import new_id

STATIONS = 500
DAY = timedelta(hours=24)
ORDERS_A_DAY = 90_000
"""180 at a station: some 376,000 events."""
DRIVERS = 60_000
CAMPAIGNS = 20
PARTITIONS = 6
AT_ONCE = 10_000
"""Records under way when they are written."""
FUELS = (("petrol_92", 7_350), ("petrol_95", 7_850), ("petrol_98", 8_900), ("diesel_b0", 7_050))
MODES = ("post_pay",) * 7 + ("pre_auth", "prepaid", "prepaid")
METHODS = ("wechat",) * 5 + ("alipay",) * 3 + ("fuel_card",) * 2
CANCELLED, ADJUSTED, DISCOUNTED, REFUNDED = 0.06, 0.02, 0.3, 0.01
"""Shares of all orders."""
SOURCE = source_of("payments").encode()


class Moment(NamedTuple):
    """An event and when it happened; the number decides between two of one moment."""

    at: datetime
    number: int
    event: Event


def orders(begins_at: datetime, stations: Sequence[UUID] = (), a_day: int = ORDERS_A_DAY) -> Iterator[Event]:
    """The events of all orders from then on, in the order in which they happened; it never ends."""
    chance = random.Random(8)  # noqa: S311 - the same days in every run
    stations = stations or [UUID(int=chance.getrandbits(128), version=4) for _ in range(STATIONS)]
    waiting: list[Moment] = []
    numbers = itertools.count()
    for order in itertools.count():
        at = begins_at + order * DAY / a_day
        while waiting and waiting[0].at <= at:
            yield heapq.heappop(waiting).event
        for step in _order(chance, stations[chance.randrange(len(stations))], at):
            heapq.heappush(waiting, Moment(step.occurred_at, next(numbers), step))


def _order(chance: random.Random, station_id: UUID, at: datetime) -> Iterator[Any]:
    """One order's events, as payments would tell them."""
    (fuel, price), mode, method = chance.choice(FUELS), chance.choice(MODES), chance.choice(METHODS)
    volume_ml = chance.randrange(8_000, 60_000)
    gross = volume_ml * price // 10_000
    common: dict[str, Any] = {
        "order_id": UUID(int=chance.getrandbits(128), version=4), "driver_id": f"bench-{chance.randrange(DRIVERS)}",
        "station_id": station_id, "operator": "bench", "pump_id": str(chance.randrange(1, 9)), "fuel": fuel,
        "mode": mode, "price_mills": price, "currency": "CNY",
    }  # fmt: skip
    versions = itertools.count(1)

    def step(kind: type[Event], minutes: float, **fields: Any) -> Event:
        # not checked: a test does, and to check each would take longer than all else
        when = at + timedelta(minutes=minutes)
        return kind.model_construct(**common, version=next(versions), occurred_at=when, **fields)

    yield step(events.OrderPlacedV1, 0, price_version=1, measure="fill_up")
    if chance.random() < CANCELLED:
        yield step(events.OrderCancelledV1, 2, how="cancelled", reason="driver")
        return
    if mode != "post_pay":
        yield step(events.OrderAuthorisedV1, 0.5, method=method, authorised_minor=gross)
    yield step(events.OrderConfirmedV1, 4, volume_ml=volume_ml, gross_minor=gross)
    if chance.random() < ADJUSTED:
        yield step(events.OrderAdjustedV1, 5, volume_ml=volume_ml, gross_minor=gross, reason="pump_recount")
    parts = _discount(chance, gross)
    paid = gross - sum(part.amount_minor for part in parts)
    yield step(
        events.OrderPaidV1, 6, volume_ml=volume_ml, gross_minor=gross, breakdown=parts, paid_minor=paid, method=method
    )
    yield step(events.OrderCompletedV1, 6.1, volume_ml=volume_ml, paid_minor=paid)
    if chance.random() < REFUNDED:
        yield step(
            events.OrderRefundedV1, chance.randrange(10, 600), refund_id=UUID(int=chance.getrandbits(128), version=4),
            amount_minor=paid, refunded_minor=paid, paid_minor=paid, method=method, reason="not_received",
            volume_ml=volume_ml,
        )  # fmt: skip


def _discount(chance: random.Random, gross: int) -> list[PricePart]:
    if chance.random() >= DISCOUNTED:
        return []
    reference = str(UUID(int=chance.randrange(CAMPAIGNS), version=4))
    return [PricePart(kind="campaign", reference=reference, reason="5 % off", amount_minor=gross // 20)]


@asynccontextmanager
async def topic_of_orders(config: Config, count: int) -> AsyncIterator[str]:
    """A topic with so many events, the first of them of yesterday, none of the platform's; it is gone afterwards."""
    name, credentials = f"bench.orders-{new_id().hex}", kafka_credentials(config, "admin")
    admin = AIOKafkaAdminClient(**credentials)  # pyright: ignore[reportArgumentType]
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
        try:
            await _publish(credentials, name, count)
            yield name
        finally:
            await admin.delete_topics([name])
    finally:
        await admin.close()


async def _publish(credentials: Any, topic: str, count: int) -> None:
    """Writes the events as a relay does, but for their trace."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    producer = AIOKafkaProducer(**credentials, acks="all", compression_type="lz4", linger_ms=20, max_batch_size=2**19)
    await producer.start()
    try:
        sent: list[Any] = []
        for event in itertools.islice(orders(today - 7 * DAY), count):
            record, now = to_record(event, None), rfc3339(datetime.now(UTC)).encode()
            headers = event_headers(record, new_id(), SOURCE, now)
            sent.append(await producer.send(topic, record.payload, key=record.key.encode(), headers=headers))
            if len(sent) == AT_ONCE:
                await asyncio.gather(*sent)
                sent = []
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
