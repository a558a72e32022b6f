"""Kafka clients with the settings that lose nothing (aiokafka's defaults do), and the loop that makes them anew."""

import logging
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from servicekit.backoff import Backoff
from servicekit.settings import ServiceSettings

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_MS = 10_000
MAX_BATCH_BYTES = 512 * 1024
LONG_RUN_SECONDS = 30.0


class Interrupted(RuntimeError):
    """Reading cannot go on with this client; a new one may do better."""


class ReadingLoop:
    """Reads for ever: after a broker error, or whatever interrupted a client, it starts again with a new one."""

    name: str
    """What it is called in the log."""

    def __init__(self) -> None:
        self._progress_at = time.monotonic()

    def seconds_without_progress(self) -> float:
        """How long since the loop last went round; liveness fails when it grows large."""
        return time.monotonic() - self._progress_at

    def note_progress(self) -> None:
        """The loop goes round."""
        self._progress_at = time.monotonic()

    async def run(self) -> None:
        """Reads until cancelled."""
        backoff = Backoff()
        while True:
            started_at = time.monotonic()
            try:
                await self._run_client()
            except (KafkaError, OSError, Interrupted) as error:
                log.warning("%s interrupted, starting again", self.name, extra={"error": repr(error)})
            if time.monotonic() - started_at > LONG_RUN_SECONDS:
                backoff = Backoff()
            self.note_progress()
            await backoff.wait()

    async def _run_client(self) -> None:
        """Makes a client and reads with it until it fails; notes progress each time round."""
        raise NotImplementedError


def _connection(settings: ServiceSettings) -> dict[str, object]:
    return {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol,
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
        "client_id": settings.service,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "retry_backoff_ms": 100,
        "metadata_max_age_ms": 30_000,
    }


def make_producer(settings: ServiceSettings) -> AIOKafkaProducer:
    """An idempotent producer that waits for all in-sync replicas; not started yet."""
    return AIOKafkaProducer(
        **_connection(settings),  # pyright: ignore[reportArgumentType]
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=MAX_BATCH_BYTES,
        max_request_size=1024 * 1024,
    )


def make_consumer(settings: ServiceSettings, *topics: str, group: str | None) -> AIOKafkaConsumer:
    """A consumer that starts at the oldest record and never commits by itself; not started yet."""
    return AIOKafkaConsumer(
        *topics,
        **_connection(settings),  # pyright: ignore[reportArgumentType]
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=1024 * 1024,
        fetch_max_wait_ms=500,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_000,
        max_poll_interval_ms=300_000,
    )
