"""Two ways in which a station system hands over reports: the public API, and the topic `pricing.reports`."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from feeds.platform import PATIENCE_SECONDS, PlatformClient, PlatformError
from schemas.base import rfc3339
from schemas.events import PriceReportsSubmittedV1
from servicekit.ids import new_id

TOPIC = "pricing.reports"
SOURCE = b"urn:forecourt:station-system"
IDS_PER_REQUEST = 100
RETRY_SECONDS = 0.5
VERDICT_POLL_SECONDS = 0.02


class Sender(Protocol):
    """Hands over reports and waits for what became of them."""

    async def send(self, lane: int, reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """One verdict per report, in order: verdict, reason, received_at. Raises PlatformError."""
        ...


class HttpSender:
    """Through `POST /v1/price-reports`."""

    def __init__(self, client: PlatformClient) -> None:
        self._client = client

    async def send(self, lane: int, reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """See Sender.send."""
        body = {"reports": reports, "submitted_at": rfc3339(datetime.now(UTC))}
        return (await self._client.post("/v1/price-reports", body))["verdicts"]


class KafkaSender:
    """Through the topic; a lane is a partition, so the reports of one station stay in order."""

    def __init__(self, client: PlatformClient, producer: AIOKafkaProducer) -> None:
        self._client = client
        self._producer = producer

    async def send(self, lane: int, reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """See Sender.send."""
        value = msgspec.json.encode({"submitted_at": rfc3339(datetime.now(UTC)), "reports": reports})
        headers = [
            ("ce_specversion", b"1.0"), ("ce_id", str(new_id()).encode()), ("ce_source", SOURCE),
            ("ce_type", PriceReportsSubmittedV1.type().encode()), ("content-type", b"application/json"),
            ("authorization", f"Bearer {await self._client.token()}".encode()),
        ]  # fmt: skip
        key = str(reports[0]["station_id"]).encode()
        partitions = sorted(await self._producer.partitions_for(TOPIC))
        await self._produce(value, key, partitions[lane % len(partitions)], headers)
        return await self._verdicts(reports)

    async def _produce(self, value: bytes, key: bytes, partition: int, headers: list[tuple[str, bytes]]) -> None:
        """Sends until the broker has it; a message that arrives twice has the same id and counts once."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await self._producer.send_and_wait(TOPIC, value, key=key, partition=partition, headers=headers)
                return
            except KafkaError as error:
                if time.monotonic() > deadline:
                    raise PlatformError(f"Kafka does not take reports: {error!r}") from error
                await asyncio.sleep(RETRY_SECONDS)

    async def _verdicts(self, reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Asks until pricing has decided on all; what it decided is kept, so nothing is guessed here."""
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while missing := [report for report in reports if _identity(report) not in found]:
            if time.monotonic() > deadline:
                raise PlatformError(f"pricing has not decided on {len(missing)} reports sent to {TOPIC}")
            for start in range(0, len(missing), IDS_PER_REQUEST):
                ids = [("report_id", report["report_id"]) for report in missing[start : start + IDS_PER_REQUEST]]
                reply = await self._client.get("/v1/price-reports", ids)
                if not reply["verdicts"]:
                    break  # they are decided on in order: what follows is not there either
                found |= {_identity(verdict): verdict for verdict in reply["verdicts"]}
            await asyncio.sleep(VERDICT_POLL_SECONDS)
        return [found[_identity(report)] for report in reports]


def _identity(report: Mapping[str, Any]) -> tuple[str, str, str]:
    return report["report_id"], report["station_id"], report["fuel"]


@asynccontextmanager
async def kafka_sender(client: PlatformClient, credentials: Mapping[str, Any]) -> AsyncIterator[KafkaSender]:
    """A sender with a started producer; `credentials` are aiokafka's keyword arguments."""
    producer = AIOKafkaProducer(**credentials, acks="all", enable_idempotence=True, request_timeout_ms=10_000)
    await producer.start()
    try:
        yield KafkaSender(client, producer)
    finally:
        await producer.stop()
