"""Topics read whole by every replica, into its memory: no group, no inbox, no commits."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from servicekit.kafka import Interrupted, ReadingLoop, make_consumer
from servicekit.reading import LagWatch
from servicekit.settings import ServiceSettings
from servicekit.telemetry import CONSUMED

log = logging.getLogger(__name__)

MAX_BATCH = 500
POLL_MS = 200


class NotProvisioned(Interrupted):
    """The broker does not know a topic yet."""


class Memory(Protocol):
    """What is kept from the records; it tells apart by itself what it has seen already."""

    async def seek(self, client: AIOKafkaConsumer) -> None:
        """Places a new client, whose partitions are assigned, where reading goes on."""
        ...

    def take(self, record: Any) -> None:
        """Takes one record. Raises ValueError or KeyError for one that cannot be read: it is counted and left out."""
        ...

    def caught_up(self) -> None:
        """All that was there when reading began has been taken."""
        ...


class LiveReader(ReadingLoop):
    """Keeps a memory current; after a broker error or a stall it goes on with a new client."""

    name = "live reading"

    def __init__(self, settings: ServiceSettings, topics: Sequence[str], memory: Memory) -> None:
        super().__init__()
        self._settings = settings
        self._topics = tuple(topics)
        self._memory = memory

    async def _run_client(self) -> None:
        client = make_consumer(self._settings, *self._topics, group=None)
        try:
            await client.start()
            if missing := set(self._topics) - {partition.topic for partition in client.assignment()}:
                raise NotProvisioned(
                    f"{', '.join(sorted(missing))} is missing: create the topics (`forecourt up` does)"
                )
            await self._memory.seek(client)
            ends: dict[TopicPartition, int] | None = await client.end_offsets(client.assignment())
            watch = LagWatch(client, self._settings.service)
            while True:
                batches = await client.getmany(timeout_ms=POLL_MS, max_records=MAX_BATCH)
                self.note_progress()
                await watch.observe(bool(batches))
                for partition, records in batches.items():
                    self.take(partition.topic, records)
                if ends is not None and await _has_read(client, ends):
                    ends = None
                    self._memory.caught_up()
        finally:
            await client.stop()

    def take(self, topic: str, records: Sequence[Any]) -> None:
        """Each record of a batch; one that cannot be read is counted and left out."""
        for record in records:
            try:
                self._memory.take(record)
            except (ValueError, KeyError) as error:  # msgspec's and pydantic's errors are ValueErrors
                CONSUMED.labels(self._settings.service, topic, "malformed").inc()
                log.error("record left out", extra={"topic": topic, "offset": record.offset, "error": repr(error)})


async def _has_read(client: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    return all([await client.position(partition) >= end for partition, end in ends.items()])
