"""The relay: takes events off the outbox and publishes them, in order per key, each at least once."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from schemas.base import rfc3339
from servicekit import kafka
from servicekit.backoff import Backoff
from servicekit.envelope import event_headers, source_of
from servicekit.settings import ServiceSettings
from servicekit.store import OutboxQueue, PendingRecord, Store, StoreUnavailable
from servicekit.telemetry import OUTBOX_PENDING, PRODUCER_REBUILDS, PUBLISHED

log = logging.getLogger(__name__)

BATCH_SIZE = 2_000
IDLE_SECONDS = 1.0


class Relay:
    """One per process; the store's lock lets one of a service's relays work at a time."""

    def __init__(self, settings: ServiceSettings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._source = source_of(settings.service).encode()
        self._backoff = Backoff()

    async def run(self) -> None:
        """Relays until cancelled. A lost database or a dead producer is waited for and replaced."""
        while True:
            try:
                async with self._store.outbox_queue() as queue:
                    await self._relay_with_new_producer(queue)
            except (StoreUnavailable, KafkaError, OSError) as error:
                log.warning("relay interrupted, starting again", extra={"error": repr(error)})
                PRODUCER_REBUILDS.labels(self._settings.service).inc()
                await self._backoff.wait()

    async def _relay_with_new_producer(self, queue: OutboxQueue) -> None:
        producer = kafka.make_producer(self._settings)
        try:
            await producer.start()
            while True:
                await self._relay_once(queue, producer)
                self._backoff = Backoff()
        finally:
            await producer.stop()

    async def _relay_once(self, queue: OutboxQueue, producer: AIOKafkaProducer) -> None:
        pending = await queue.pending(BATCH_SIZE)
        OUTBOX_PENDING.labels(self._settings.service).set(len(pending))
        if not pending:
            await queue.wait(IDLE_SECONDS)
            return
        published_at = datetime.now(UTC)
        await self._publish(producer, pending, published_at)
        await queue.mark_published(pending, published_at)
        for topic, rows in _by_topic(pending).items():
            PUBLISHED.labels(self._settings.service, topic).inc(len(rows))

    async def _publish(
        self, producer: AIOKafkaProducer, pending: Sequence[PendingRecord], published_at: datetime
    ) -> None:
        """Sends all rows, one stream of batches per partition, and returns when the last is acknowledged."""
        partitions: dict[tuple[str, int], list[PendingRecord]] = defaultdict(list)
        counts = {topic: await _partition_count(producer, topic) for topic in {row.record.topic for row in pending}}
        for row in pending:
            topic = row.record.topic
            partitions[topic, partition_of(row.record.key, counts[topic])].append(row)
        await asyncio.gather(
            *(
                self._publish_in_order(producer, topic, partition, rows, published_at)
                for (topic, partition), rows in partitions.items()
            )
        )

    async def _publish_in_order(
        self, producer: AIOKafkaProducer, topic: str, partition: int, rows: list[PendingRecord], published_at: datetime
    ) -> None:
        timestamp_ms, time = int(published_at.timestamp() * 1000), rfc3339(published_at).encode()
        sent, batch = [], producer.create_batch()
        for row in rows:
            record = row.record
            fields = {
                "timestamp": timestamp_ms, "key": record.key.encode(), "value": record.payload,
                "headers": event_headers(record, row.event_id, self._source, time),
            }  # fmt: skip
            if batch.append(**fields) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(**fields)
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)


async def _partition_count(producer: AIOKafkaProducer, topic: str) -> int:
    return len(await producer.partitions_for(topic))


@lru_cache(maxsize=100_000)
def partition_of(key: str, partition_count: int) -> int:
    """Kafka's default partitioner; cached, since murmur2 in Python costs more than all else here."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partition_count


def _by_topic(pending: Sequence[PendingRecord]) -> dict[str, list[PendingRecord]]:
    topics: dict[str, list[PendingRecord]] = defaultdict(list)
    for row in pending:
        topics[row.record.topic].append(row)
    return topics
