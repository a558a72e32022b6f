"""Topics from their oldest record on, read by nobody's group: how a replay and a rebuild read."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from servicekit import kafka
from servicekit.envelope import Message
from servicekit.interpreter import expect_batches
from servicekit.reading import MAX_BATCH, POLL_MS
from servicekit.settings import ServiceSettings

Offsets = Mapping[TopicPartition, int]


class WholeTopics:
    """One reading; it goes on where it stopped when it is asked for more."""

    def __init__(self, client: AIOKafkaConsumer) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: ServiceSettings, topics: Sequence[str]) -> AsyncIterator["WholeTopics"]:
        """A reading that stands before the oldest records."""
        client = kafka.make_consumer(settings, *topics, group=None)
        try:
            await client.start()
            yield cls(client)
        finally:
            await client.stop()

    async def begins(self) -> Offsets:
        """The offset of the oldest record of each partition; above 0 where older ones were deleted."""
        return await self._client.beginning_offsets(self._client.assignment())

    async def ends(self) -> Offsets:
        """Where each partition ends now: the offset that its next record will have."""
        return await self._client.end_offsets(self._client.assignment())

    async def until(self, ends: Offsets, at_most: int = MAX_BATCH) -> AsyncIterator[list[Message]]:
        """All records before these ends and perhaps some more, in batches of this size at most; a batch may be empty
        where nothing came for a while."""
        expect_batches(at_most)
        while any([await self._client.position(one) < end for one, end in ends.items()]):
            batches = await self._client.getmany(timeout_ms=POLL_MS, max_records=at_most)
            yield [Message.of(record) for records in batches.values() for record in records]


async def committed(settings: ServiceSettings, group: str, partitions: Collection[TopicPartition]) -> Offsets:
    """How far a group has processed these partitions, without being of it; 0 where it has not begun."""
    client = kafka.make_consumer(settings, group=group)
    try:
        await client.start()
        client.assign(list(partitions))
        return {one: await client.committed(one) or 0 for one in partitions}
    finally:
        await client.stop()
