"""What the service does about events: once for all replicas in the store, and live in each replica's search index."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.base import Event
from schemas.catalogue import topic_of
from schemas.events import (
    CampaignEndedV1,
    CampaignPublishedV1,
    PriceChangedV1,
    PriceConfirmedV1,
    PumpStatusChangedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
)
from servicekit.consumer import Received
from servicekit.kafka import make_consumer
from servicekit.settings import ServiceSettings
from stations.repository.stations import Session, StationRepository
from stations.use_cases import stations as use_cases
from stations.use_cases.indexing import Indexer

Handler = Callable[[StationRepository, Session, Sequence[Received]], Awaitable[None]]

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    PriceChangedV1: use_cases.record_prices,
    PriceConfirmedV1: use_cases.record_confirmations,
}

LIVE: Mapping[type[Event], Callable[[Indexer, Any, int], None]] = {
    PriceChangedV1: Indexer.take_price,
    PriceConfirmedV1: Indexer.take_confirmation,
    StationRegisteredV1: Indexer.take_station,
    StationUpdatedV1: Indexer.take_station,
    StationClosedV1: Indexer.take_closure,
    PumpStatusChangedV1: Indexer.take_pump,
    CampaignPublishedV1: Indexer.take_campaign,
    CampaignEndedV1: Indexer.take_campaign_end,
}
"""What becomes of an event and the milliseconds since 1970 when it was published."""
LIVE_TOPICS = tuple(sorted({topic_of(event).name for event in LIVE}))
STORED_TOPICS = frozenset(topic_of(event).name for event in SUBSCRIPTIONS)
OWN_TOPICS = frozenset(topic_of(event).name for event in (StationUpdatedV1, PumpStatusChangedV1))


class LiveMemory:
    """Feeds the index from the topics; a servicekit.live.Memory.

    Where reading begins is noted before the store is read: what happens meanwhile is seen twice, never missed.
    """

    def __init__(self, settings: ServiceSettings, indexer: Indexer) -> None:
        self._settings = settings
        self._indexer = indexer
        self._handlers = {event.type().encode(): (event, handler) for event, handler in LIVE.items()}
        self._positions: dict[TopicPartition, int] = {}

    async def seek(self, client: AIOKafkaConsumer) -> None:
        """Goes on where it was; the first time, and where Kafka no longer has what came next, it loads everything."""
        assigned = client.assignment()
        begins, ends = await client.beginning_offsets(assigned), await client.end_offsets(assigned)
        if not all(begins[one] <= self._positions.get(one, -1) <= ends[one] for one in assigned):
            positions = await self._first_positions(begins, ends)
            await self._indexer.load()
            self._positions = positions
        for partition, position in self._positions.items():
            client.seek(partition, position)

    def take(self, record: Any) -> None:
        """One record; a type that this release does not know is passed over."""
        self._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        kind = next((value for name, value in record.headers if name == "ce_type"), b"")
        if known := self._handlers.get(kind):
            event, handler = known
            handler(self._indexer, event.model_validate_json(record.value or b""), record.timestamp)

    def caught_up(self) -> None:
        """The index holds all there was when reading began."""
        self._indexer.loaded.set()

    async def _first_positions(
        self, begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """The store holds all prices that its consumer has committed, and all that this service itself published."""
        stored = await self._committed([one for one in begins if one.topic in STORED_TOPICS])
        own = {one: end for one, end in ends.items() if one.topic in OWN_TOPICS}
        known = own | stored
        return {one: max(begin, known.get(one, begin)) for one, begin in begins.items()}

    async def _committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        client = make_consumer(self._settings, group=f"{self._settings.service}.main")
        try:
            await client.start()
            client.assign(partitions)
            found = {partition: await client.committed(partition) for partition in partitions}
            return {partition: offset for partition, offset in found.items() if offset is not None}
        finally:
            await client.stop()
