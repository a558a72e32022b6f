"""What `identity.users` says for ever of people who are gone, read whole: what a restored database has forgotten."""

from dataclasses import dataclass, field
from uuid import UUID

from aiokafka import AIOKafkaConsumer

from schemas.base import Event
from schemas.catalogue import topic_of
from schemas.events import UserErasedV1, UserMergedV1
from servicekit.envelope import Message
from servicekit.kafka import make_consumer
from servicekit.settings import ServiceSettings

TOPIC = topic_of(UserErasedV1).name
POLL_MS = 500


@dataclass(slots=True)
class Gone:
    """The newest word about each person who is gone. That one was erased is the last word."""

    erased: dict[UUID, UserErasedV1] = field(default_factory=dict)
    merged: dict[UUID, UserMergedV1] = field(default_factory=dict)

    def take(self, event: Event | None) -> None:
        """One event of the topic; those about people who are here are passed over."""
        if isinstance(event, UserErasedV1):
            self.erased[event.user_id] = event
            self.merged.pop(event.user_id, None)
        elif isinstance(event, UserMergedV1) and event.user_id not in self.erased:
            self.merged[event.user_id] = event


async def read_gone(settings: ServiceSettings) -> Gone:
    """All that the topic holds now. Raises KafkaError, and ValueError for a record that is no event."""
    gone, consumer = Gone(), make_consumer(settings, TOPIC, group=None)
    try:
        await consumer.start()
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(consumer.assignment())
        while await _is_behind(consumer, ends):
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    gone.take(Message.of(record).event())
        return gone
    finally:
        await consumer.stop()


async def _is_behind(consumer: AIOKafkaConsumer, ends: dict) -> bool:
    return any([await consumer.position(partition) < end for partition, end in ends.items()])
