"""Watches what the platform makes of reports: events on Kafka, prices at stations, and how long they take."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from feeds.platform import PATIENCE_SECONDS, PlatformClient, PlatformError
from schemas.catalogue import TOPIC_BY_NAME

WATCHED = ("pricing.prices", "pricing.rejections")
RESTART_SECONDS = 0.5
PROBE_FIRST_SECONDS = 0.018
"""No sooner is a price there, and asking would only be in its way; what is shorter counts as this long."""
PROBE_POLL_SECONDS = 0.003
PROBE_POLL_SHARE = 0.05
"""A probe that has waited long may ask less often: its error stays within this share of what it measures."""
PROBE_PAUSE_SECONDS = 0.1
PROBE_DEADLINE_SECONDS = 120.0


class _ReportId(msgspec.Struct):
    report_id: str | None = None  # that a price still holds is an event of no report


_decode_report_id = msgspec.json.Decoder(_ReportId).decode


class EventWatch:
    """Reads the price topics from where they ended when it started, and counts every report's events."""

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self._credentials = credentials
        self._positions: dict[TopicPartition, int] = {}
        self.seen: dict[str, dict[str, int]] = {topic: {} for topic in WATCHED}

    async def start(self) -> None:
        """Notes where the topics end now; waits out a broker that restarts. Raises PlatformError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._positions:
            try:
                async with self._consumer() as consumer:
                    self._positions = await consumer.end_offsets(_partitions())
            except (KafkaError, OSError) as error:
                if time.monotonic() > deadline:
                    raise PlatformError(f"Kafka does not answer: {error}") from error
                await asyncio.sleep(RESTART_SECONDS)

    async def run(self) -> None:
        """Reads until cancelled; a broker that restarts is waited for, and nothing is read twice."""
        while True:
            try:
                await self._read()
            except (KafkaError, OSError):
                await asyncio.sleep(RESTART_SECONDS)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(**self._credentials, enable_auto_commit=False, request_timeout_ms=10_000)
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    async def _read(self) -> None:
        async with self._consumer() as consumer:
            consumer.assign(_partitions())
            for partition, position in self._positions.items():
                consumer.seek(partition, position)
            while True:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    counts = self.seen[partition.topic]
                    for record in records:
                        if report_id := _decode_report_id(record.value or b"").report_id:
                            counts[report_id] = counts.get(report_id, 0) + 1
                    self._positions[partition] = records[-1].offset + 1


def _partitions() -> list[TopicPartition]:
    return [TopicPartition(t, p) for t in WATCHED for p in range(TOPIC_BY_NAME[t].partitions)]


class VisibilityProbe:
    """Takes one report at a time and asks the stations service until its price is there.

    A sample of all changes, from the outside, as a driver would see them; times are in seconds.
    """

    def __init__(self, client: PlatformClient) -> None:
        self._client = client
        self._chosen: tuple[dict[str, Any], float] | None = None
        self._wanted = asyncio.Event()
        self.seconds: list[float] = []

    def offer(self, report: dict[str, Any], submitted_at: float) -> None:
        """A report that was just accepted, and when it was submitted (monotonic); taken if the probe is idle."""
        if self._chosen is None:
            self._chosen = report, submitted_at
            self._wanted.set()

    async def idle(self) -> None:
        """Returns when no report is being probed."""
        while self._chosen is not None:  # noqa: ASYNC110 - the end of a test run, not worth an event of its own
            await asyncio.sleep(PROBE_POLL_SECONDS)

    async def run(self) -> None:
        """Probes until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._chosen is not None:
                await self._probe(*self._chosen)
            await asyncio.sleep(PROBE_PAUSE_SECONDS * random.random())  # noqa: S311 - spreads the samples
            self._chosen = None  # only now: a report taken earlier would wait, and its wait be measured

    async def _probe(self, report: dict[str, Any], submitted_at: float) -> None:
        await asyncio.sleep(PROBE_FIRST_SECONDS - (time.monotonic() - submitted_at))
        while time.monotonic() - submitted_at < PROBE_DEADLINE_SECONDS:
            try:
                station = await self._client.get(f"/v1/stations/{report['station_id']}")
            except PlatformError:
                return
            if any(_shows(price, report) for price in station["prices"]):
                self.seconds.append(time.monotonic() - submitted_at)
                return
            waited_seconds = time.monotonic() - submitted_at
            await asyncio.sleep(max(PROBE_POLL_SECONDS, PROBE_POLL_SHARE * waited_seconds))


def _shows(price: dict[str, Any], report: dict[str, Any]) -> bool:
    """Whether the price is the reported one, or a later one that has replaced it already."""
    return price["fuel"] == report["fuel"] and moment(price["effective_at"]) >= moment(report["effective_at"])


@lru_cache(maxsize=4_096)
def moment(text: str) -> datetime:
    """An RFC 3339 text as a time, to the millisecond: finer times do not survive every store on the way."""
    at = datetime.fromisoformat(text)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
