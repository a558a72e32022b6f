"""Analysts at the real broker: a client that knows nothing of ours reads what it may, and is refused all else."""

# confluent_kafka re-exports without __all__.
# pyright: reportPrivateImportUsage=false

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from fastapi import FastAPI

from analytics import main, worker
from analytics.domain.analysts import Analyst, event_id_of
from analytics.repository import analysts as register
from analytics.settings import Settings
from analytics.use_cases.copies import TURN, Copier, Copies
from analytics.use_cases.pace import IN_PASSING, Pace
from local_stack import analysts, secrets
from local_stack.config import Config
from local_stack.kafka import Kafka
from schemas.base import Event
from schemas.catalogue import copy_of
from schemas.events import OrderPaidV1, PointsAccruedV1, PriceChangedV1, PricePart
from schemas.examples import EXAMPLES
from servicekit.ids import new_id
from servicekit.testkit import eventually, running

from . import view_kit
from .conftest import Analytics

FULL = {type(full): full for full, _ in EXAMPLES}
EARLIEST = {"auto.offset.reset": "earliest", "enable.auto.commit": False}


def of_driver(kind: type[Event], driver: str, **changed: Any) -> Event:
    return FULL[kind].model_copy(update={"driver_id": driver, **changed})


@pytest.fixture
async def ada(
    infrastructure: Config, analytics: Analytics, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, Any]]:
    """An analyst as `forecourt analyst create` makes one: librdkafka's settings."""
    monkeypatch.setattr(analysts, "GROUPS_END_SECONDS", 0.0)  # who has just begun to copy leaves its group late
    admin, name = Kafka(infrastructure, secrets.load(infrastructure)).admin(), "test-ada"
    await asyncio.to_thread(analysts.prepare, admin, name)
    await register.add(analytics.store, name)
    password = await asyncio.to_thread(analysts.give_password, infrastructure, admin, name)
    yield analysts.client_settings(infrastructure, name, password)
    await asyncio.to_thread(analysts.lock_out, admin, name)
    await register.remove(analytics.store, name)
    await asyncio.to_thread(analysts.discard, admin, name)


@contextmanager
def reader(settings: dict[str, Any], group: str, *topics: str) -> Iterator[Consumer]:
    """In a group of its own: who was locked out cannot leave a group, and others would wait for it."""
    consumer = Consumer(settings | EARLIEST | {"group.id": f"{group}-{new_id()}", "log_level": 0})
    consumer.subscribe(list(topics))
    try:
        yield consumer
    finally:
        consumer.close()


async def read_until(consumer: Consumer, wanted: set[str]) -> dict[str, Message]:
    """Every record up to the last of these events, by the event's id."""
    found: dict[str, Message] = {}

    async def all_are_there() -> bool:
        for message in await asyncio.to_thread(consumer.consume, 500, 0.2):
            if (error := message.error()) is not None:
                raise KafkaException(error)
            found[headers_of(message).get("ce_id", b"").decode()] = message
        return wanted <= found.keys()

    await eventually(all_are_there, 30)
    return found


def headers_of(message: Message) -> dict[str, Any]:
    return dict(message.headers() or ())


async def copied(analytics: Analytics, *events: str, source: str = "urn:forecourt:payments") -> list[str]:
    """The ids that events have in the analyst's copies."""
    analyst = await register.add(analytics.store, "test-ada")
    names = analyst.pseudonyms(analytics.settings.pseudonym_key.get_secret_value())
    return [event_id_of((source, one), names) for one in events]


def value_of(message: Message) -> dict[str, Any]:
    return json.loads(message.value() or b"")


async def test_an_analyst_reads_prices_and_copies_in_which_nobody_is_named(
    analytics: Analytics, ada: dict[str, Any]
) -> None:
    driver, vehicle, station, order = str(new_id()), new_id(), new_id(), new_id()
    coupon = PricePart(kind="coupon", reference=str(new_id()), reason="Coupon", amount_minor=100)
    paid = of_driver(OrderPaidV1, driver, order_id=order, vehicle_id=vehicle, breakdown=[coupon])
    accrued = of_driver(PointsAccruedV1, driver, order_id=order)
    price = FULL[PriceChangedV1].model_copy(update={"station_id": station})
    published = [await analytics.kafka.publish(one) for one in (paid, accrued, price)]
    [paid_id] = await copied(analytics, published[0])
    [accrued_id] = await copied(analytics, published[1], source="urn:forecourt:loyalty")
    price_id = published[2]
    orders, points = (copy_of(topic, "test-ada") for topic in ("payments.orders", "loyalty.points"))
    with reader(ada, "analyst-test-ada.notebook", "pricing.prices", orders, points) as consumer:
        found = await read_until(consumer, {paid_id, accrued_id, price_id})
    copy, of_points = value_of(found[paid_id]), value_of(found[accrued_id])
    assert value_of(found[price_id])["station_id"] == str(station)
    assert copy["driver_id"] == of_points["driver_id"] == (found[accrued_id].key() or b"").decode() != driver
    assert copy["order_id"] == of_points["order_id"] == (found[paid_id].key() or b"").decode()
    hidden = dict.fromkeys(("order_id", "driver_id", "vehicle_id", "card_id", "reservation_id", "breakdown"), 0)
    assert copy | hidden == json.loads(paid.to_json()) | hidden
    text = "".join(f"{one.value()} {one.key()} {one.headers()}" for one in found.values())
    ids = (driver, vehicle, order, coupon.reference, *published[:2])
    assert not [one for one in ids if str(one) in text]
    headers = headers_of(found[paid_id])
    assert headers.keys() == {"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"}


async def test_what_cannot_be_understood_is_left_out_and_what_comes_after_is_copied(
    analytics: Analytics, ada: dict[str, Any]
) -> None:
    type_name = OrderPaidV1.type().encode()
    unknown = [("ce_type", b"forecourt.payments.OrderDreamtOf.v7"), ("ce_id", b"id-unknown")]
    broken = [("ce_type", type_name), ("ce_id", b"id-broken")]
    later = of_driver(OrderPaidV1, str(new_id()), order_id=new_id())
    value = json.loads(later.to_json()) | {"driver_name": "Somebody"}
    of_later_release = [("ce_type", type_name), ("ce_id", b"id-later")]
    key = later.key().encode()
    for sent, headers in ((b"{}", unknown), (b"\xff{", broken), (json.dumps(value).encode(), of_later_release)):
        await analytics.kafka.send("payments.orders", sent, key=key, headers=headers)
    [last] = await copied(analytics, await analytics.kafka.publish(later))
    *left_out, understood = await copied(analytics, "id-unknown", "id-broken", "id-later", source="")
    with reader(ada, "analyst-test-ada.notebook", copy_of("payments.orders", "test-ada")) as consumer:
        found = await read_until(consumer, {last})
    assert found.keys() & set(left_out) == set()
    assert "driver_name" not in value_of(found[understood])


async def test_when_another_process_comes_and_goes_no_event_is_missed(
    analytics: Analytics, ada: dict[str, Any]
) -> None:
    async def publish(count: int) -> list[str]:
        orders = [of_driver(OrderPaidV1, str(new_id()), order_id=new_id()) for _ in range(count)]
        return await copied(analytics, *await asyncio.gather(*(analytics.kafka.publish(one) for one in orders)))

    another = asyncio.create_task(Copies(analytics.process, Pace(IN_PASSING)).run())
    ids = await publish(12)
    with reader(ada, "analyst-test-ada.notebook", copy_of("payments.orders", "test-ada")) as consumer:
        found = await read_until(consumer, {ids[0]})
        another.cancel()
        ids += await publish(12)
        found |= await read_until(consumer, set(ids) - found.keys())
    await asyncio.wait([another])
    assert set(ids) <= found.keys()


async def refusal(settings: dict[str, Any], group: str, topic: str) -> int:
    with reader(settings, group, topic) as consumer:
        with pytest.raises(KafkaException) as refused:
            await read_until(consumer, {"none"})
        return refused.value.args[0].code()


async def test_an_analyst_is_refused_what_is_not_theirs(analytics: Analytics, ada: dict[str, Any]) -> None:
    own = "analyst-test-ada.look"
    for topic in ("payments.orders", "pricing.reports", "identity.users", "analyst-test-bob.payments.orders"):
        denied = await refusal(ada, own, topic)
        assert denied in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART), topic
    for group in ("stations.main", "analyst-test-bob.look", "anything"):
        assert await refusal(ada, group, "pricing.prices") == KafkaError.GROUP_AUTHORIZATION_FAILED


async def test_who_is_removed_reads_nothing_more_also_where_they_are_connected(
    infrastructure: Config, analytics: Analytics, ada: dict[str, Any]
) -> None:
    price = await analytics.kafka.publish(FULL[PriceChangedV1].model_copy(update={"station_id": new_id()}))
    admin = Kafka(infrastructure, secrets.load(infrastructure)).admin()
    with reader(ada, "analyst-test-ada.notebook", "pricing.prices") as consumer:
        await read_until(consumer, {price})
        await asyncio.to_thread(analysts.lock_out, admin, "test-ada")
        with pytest.raises(KafkaException) as refused:
            await read_until(consumer, {"none"})
    assert refused.value.args[0].code() in (
        KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED
    )  # fmt: skip


@pytest.mark.parametrize("topic", ["pricing.prices", "analyst-test-ada.payments.orders", "payments.orders"])
async def test_an_analyst_is_refused_a_write(analytics: Analytics, ada: dict[str, Any], topic: str) -> None:
    errors: list[KafkaError | None] = []
    producer = Producer(ada | {"log_level": 0, "message.timeout.ms": 5_000})
    producer.produce(topic, b"{}", on_delivery=lambda error, _: errors.append(error))
    await asyncio.to_thread(producer.flush, 10)
    assert [error and error.code() for error in errors] == [KafkaError.TOPIC_AUTHORIZATION_FAILED]


async def test_who_is_removed_and_comes_again_knows_drivers_by_other_names(
    infrastructure: Config, analytics: Analytics, ada: dict[str, Any]
) -> None:
    first = await register.add(analytics.store, "test-ada")
    assert await register.add(analytics.store, "test-ada") == first, "a second call goes on with what the first began"
    assert await register.remove(analytics.store, "test-ada")
    assert not await register.remove(analytics.store, "test-ada")
    again = await register.add(analytics.store, "test-ada")
    key = analytics.settings.pseudonym_key.get_secret_value()
    assert first.pseudonyms(key).of("somebody") != again.pseudonyms(key).of("somebody")
    assert first.group("analytics") != again.group("analytics"), "the copies begin anew"


async def test_all_analysts_have_one_pace_and_take_turns(analytics: Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    async def send(copier: Copier, *_: Any) -> "asyncio.Future[None]":
        order.append(copier.name)
        await asyncio.sleep(0)  # the other one goes on now, if it may
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    monkeypatch.setattr(Copier, "_send", send)
    pace, at = Pace(1.0), datetime(2026, 4, 30, tzinfo=UTC)
    one, other = (Copier(analytics.settings, Analyst(name, "1", at), pace) for name in ("test-one", "test-two"))
    some = [view_kit.message(of_driver(OrderPaidV1, str(new_id())), datetime.now(UTC))] * 3

    async def copy(copier: Copier) -> None:
        for _ in range(4):
            await copier._process(some)

    await asyncio.gather(copy(one), copy(other))
    assert order == [name for _ in range(4) for name in [one.name] * 3 + [other.name] * 3]
    assert one.max_records == TURN, "and a turn is short"


@pytest.mark.parametrize(
    ("make", "given", "tasks"),
    [
        (worker.create_app, {"views": False, "copies": True}, {"copies"}),
        (worker.create_app, {"views": True, "copies": False}, {"views"}),
        (main.create_app, {"views": False, "copies": False}, set[str]()),
    ],
)
async def test_copies_are_made_where_they_are_asked_for(
    settings: Settings, make: Callable[[Settings], FastAPI], given: dict[str, bool], tasks: set[str]
) -> None:
    app = make(settings.model_copy(update=given))
    async with running(app):
        assert app.state.kit.tasks.keys() & {"copies", "views"} == tasks
    assert not worker.WorkerSettings.model_fields["copies"].default


async def test_work_at_a_pace_has_a_share_of_the_time() -> None:
    clock, rests = iter([0.0, 0.004, 1.0, 1.002]), list[float]()

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    pace = Pace(0.1, lambda: next(clock), sleep)
    for _ in range(2):
        async with pace.turn():
            pass
    assert rests == pytest.approx([0.036, 0.018])
