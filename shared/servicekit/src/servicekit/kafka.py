"""Kafka clients with the settings that lose nothing (aiokafka's defaults do)."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from servicekit.settings import ServiceSettings

REQUEST_TIMEOUT_MS = 10_000
MAX_BATCH_BYTES = 512 * 1024


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
