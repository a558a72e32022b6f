"""Reads prices and stations from Kafka for the live streams. Every replica reads all of it: no group, no commits."""

import logging
import time
from collections.abc import Iterable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from gateway.hub import Hub
from gateway.settings import Settings
from schemas.catalogue import topic_of
from schemas.events import PriceChangedV1, StationClosedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.backoff import Backoff
from servicekit.consumer import LagWatch, Stalled
from servicekit.kafka import make_consumer
from servicekit.telemetry import CONSUMED

log = logging.getLogger(__name__)

PRICES = topic_of(PriceChangedV1).name
STATIONS = topic_of(StationUpdatedV1).name
PRICE_CHANGED = ("ce_type", PriceChangedV1.type().encode())
STATION_CLOSED = ("ce_type", StationClosedV1.type().encode())
STATION_KNOWN = frozenset(("ce_type", event.type().encode()) for event in (StationRegisteredV1, StationUpdatedV1))
MAX_BATCH = 500
POLL_MS = 200
LONG_RUN_SECONDS = 30.0


class NotProvisioned(Exception):
    """The broker does not know the topics yet."""


class _Place(msgspec.Struct):
    station_id: str
    lat: float
    lon: float


class Feed:
    """Keeps the hub's prices and stations current."""

    def __init__(self, settings: Settings, hub: Hub) -> None:
        self._settings = settings
        self._hub = hub
        self._progress_at = time.monotonic()

    def seconds_without_progress(self) -> float:
        """How long since the loop last went round."""
        return time.monotonic() - self._progress_at

    async def run(self) -> None:
        """Reads until cancelled; after a broker error or a stall it goes on, with a new client, where it was."""
        backoff = Backoff()
        while True:
            started_at = time.monotonic()
            try:
                await self._run_client()
            except (KafkaError, OSError, Stalled, NotProvisioned) as error:
                log.warning("live price feed interrupted, starting again", extra={"error": repr(error)})
            if time.monotonic() - started_at > LONG_RUN_SECONDS:
                backoff = Backoff()
            self._progress_at = time.monotonic()
            await backoff.wait()

    async def _run_client(self) -> None:
        client = make_consumer(self._settings, PRICES, STATIONS, group=None)
        try:
            await client.start()
            ends = await self._seek(client)
            watch = LagWatch(client, self._settings.service)
            while True:
                batches = await client.getmany(timeout_ms=POLL_MS, max_records=MAX_BATCH)
                self._progress_at = time.monotonic()
                await watch.observe(bool(batches))
                for partition, records in batches.items():
                    self.take(partition.topic, records)
                if not self._hub.loaded.is_set() and await _has_read(client, ends):
                    self._hub.loaded.set()
        finally:
            await client.stop()

    async def _seek(self, client: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Stations from the oldest, prices from where the history ends; returns each partition's end as of now."""
        assigned = client.assignment()
        prices = sorted(partition for partition in assigned if partition.topic == PRICES)
        if not prices or len(prices) == len(assigned):
            raise NotProvisioned(f"topic {PRICES} or {STATIONS} is missing: create the topics (`forecourt up` does)")
        begins, ends = await client.beginning_offsets(assigned), await client.end_offsets(assigned)
        for partition in assigned:
            client.seek(partition, begins[partition])
        known = self._hub.history.position
        inside = len(known) == len(prices) and all(
            begins[partition] <= at <= ends[partition] for partition, at in zip(prices, known, strict=True)
        )
        if not inside:
            share = self._settings.stream_history_events // len(prices)
            known = tuple(max(begins[partition], ends[partition] - share) for partition in prices)
            self._hub.restart(known)
        for partition, at in zip(prices, known, strict=True):
            client.seek(partition, at)
        return ends

    def take(self, topic: str, records: Iterable[Any]) -> None:
        """Each record of a batch; one that cannot be read is counted and left out."""
        take = self._take_price if topic == PRICES else self._take_station
        for record in records:
            try:
                take(record)
            except (ValueError, KeyError) as error:  # msgspec's errors are ValueErrors
                CONSUMED.labels(self._settings.service, topic, "malformed").inc()
                log.error("record left out", extra={"topic": topic, "offset": record.offset, "error": repr(error)})

    def _take_price(self, record: Any) -> None:
        if PRICE_CHANGED in record.headers:
            self._hub.publish(record.partition, record.offset, record.key or b"", record.value or b"", record.timestamp)
        else:
            self._hub.history.advance(record.partition, record.offset)

    def _take_station(self, record: Any) -> None:
        if STATION_CLOSED in record.headers or record.value is None:
            self._hub.remove((record.key or b"").decode())
        elif not STATION_KNOWN.isdisjoint(record.headers):
            place = msgspec.json.decode(record.value, type=_Place)
            self._hub.place(place.station_id, place.lat, place.lon)


async def _has_read(client: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    return all([await client.position(partition) >= end for partition, end in ends.items()])
