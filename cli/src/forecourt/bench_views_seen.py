"""How soon an event of an order is in the view of hours, at a steady rate that does not wait for anything.

Topic, reader and views are the benchmark's own: what it makes up is in none of the platform's, and gone afterwards.
Once in a while an event is of a station that has no other: when the document of its hour is there, it was seen.
"""

import asyncio
from datetime import UTC, datetime
from statistics import quantiles
from time import monotonic
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer

from analytics.domain.catalogue import VIEW_BY_NAME
from analytics.domain.folds.station_hours import key_of
from analytics.repository.views import Views
from local_stack.config import Config, StackError
from local_stack.environment import kafka_credentials
from schemas.base import Event, rfc3339
from schemas.events import OrderConfirmedV1, OrderPlacedV1
from servicekit.envelope import event_headers, source_of, to_record
from servicekit.ids import new_id

PER_SECOND = 500
PROBES_PER_SECOND = 10
WARM_UP_SECONDS, SECONDS = 5, 45
LOOK_SECONDS = 0.02
"""Who looks more often takes the time of who folds, in the same process."""
PATIENCE_SECONDS = 30.0
WANTED_P99_MS = 1_000
STATIONS = 500
HOURS = VIEW_BY_NAME["station-hours"]
SOURCE = source_of("payments").encode()


async def measure_seen(config: Config, topic: str, views: Views) -> list[dict[str, Any]]:
    """From the moment at which an event is given to the broker to the document of its hour, median and p99, while
    somebody folds the topic into these views."""
    producer = AIOKafkaProducer(**kafka_credentials(config, "admin"), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        rate = _Rate(producer, topic, views)
        await rate.offer(WARM_UP_SECONDS)
        seen = await rate.offer(SECONDS)
    finally:
        await producer.stop()
    return [_figure(50, seen, None), _figure(99, seen, WANTED_P99_MS)]


def _figure(percent: int, seen: list[float], wanted_ms: int | None) -> dict[str, Any]:
    value = quantiles(seen, n=100)[percent - 1] * 1000
    return {
        "figure": f"from an event to its view, p{percent} of {len(seen)} at {PER_SECOND} events/s", "value": value,
        "unit": "ms", "floor": None, "ratio": None, "wanted": f"<= {wanted_ms} ms" if wanted_ms else "",
        "kept": value <= wanted_ms if wanted_ms else None,
    }  # fmt: skip


class _Rate:
    """Events at a fixed rate, some of which are watched."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, views: Views) -> None:
        self._producer, self._topic, self._views = producer, topic, views
        self._stations = [new_id() for _ in range(STATIONS)]

    async def offer(self, seconds: int) -> list[float]:
        """Sends for so long; the seconds that each watched event took to be seen."""
        began, watching = monotonic(), []
        for number in range(PER_SECOND * seconds):
            await asyncio.sleep(began + number / PER_SECOND - monotonic())
            is_watched = number % (PER_SECOND // PROBES_PER_SECOND) == 0
            station_id = new_id() if is_watched else self._stations[number % STATIONS]
            event = _event(station_id, OrderPlacedV1 if is_watched or number % 2 else OrderConfirmedV1)
            if is_watched:
                watching.append(asyncio.create_task(self._watch(event, monotonic())))
            await self._send(event)
        return await asyncio.gather(*watching)

    async def _send(self, event: Event) -> None:
        record, now = to_record(event, None), rfc3339(datetime.now(UTC)).encode()
        headers = event_headers(record, new_id(), SOURCE, now)
        await self._producer.send(self._topic, record.payload, key=record.key.encode(), headers=headers)

    async def _watch(self, event: Any, sent_at: float) -> float:
        key = key_of(event.station_id, event.occurred_at, event.currency)
        while monotonic() - sent_at < PATIENCE_SECONDS:
            collection = await self._views.collection(HOURS.name)
            if await collection.find_one({"_id": key}, {"_id": True}) is not None:
                return monotonic() - sent_at
            await asyncio.sleep(LOOK_SECONDS)
        raise StackError(f"an event was not seen within {PATIENCE_SECONDS:.0f} s")


def _event(station_id: UUID, kind: type[Event]) -> Event:
    standard: dict[str, Any] = {
        "order_id": new_id(), "version": 1, "driver_id": "bench", "station_id": station_id, "operator": "bench",
        "pump_id": "1", "fuel": "petrol_95", "mode": "post_pay", "price_mills": 7_850, "currency": "CNY",
        "occurred_at": datetime.now(UTC), "price_version": 1, "measure": "fill_up", "requested_minor": None,
        "requested_ml": None, "volume_ml": 30_000, "gross_minor": 23_550,
    }  # fmt: skip
    return kind.model_validate(standard)
