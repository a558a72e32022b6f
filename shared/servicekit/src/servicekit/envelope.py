"""CloudEvents 1.0 binary mode on Kafka: an event as headers plus a JSON value, and back."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from schemas.base import Event
from schemas.catalogue import ENTRY_BY_TYPE, topic_of
from servicekit.telemetry import current_traceparent

Headers = list[tuple[str, bytes]]
EPOCH = datetime.fromtimestamp(0, UTC)


class OutboxRecord(NamedTuple):
    """An event ready to be stored beside the change that caused it; the store gives it its id."""

    topic: str
    key: str
    type: str
    payload: bytes
    traceparent: str | None


def event_headers(record: OutboxRecord, event_id: UUID, source: bytes, time: bytes) -> Headers:
    """The Kafka headers of an event; `time` is when it is published, RFC 3339."""
    headers = [
        ("ce_specversion", b"1.0"), ("ce_id", str(event_id).encode()), ("ce_source", source),
        ("ce_type", record.type.encode()), ("ce_time", time), ("content-type", b"application/json"),
    ]  # fmt: skip
    if record.traceparent:
        headers.append(("traceparent", record.traceparent.encode()))
    return headers


def to_record(event: Event, traceparent: str | None) -> OutboxRecord:
    """The event with its topic and key from the catalogue."""
    return OutboxRecord(topic_of(type(event)).name, event.key(), event.type(), event.to_json(), traceparent)


def to_records(events: list[Event]) -> list[OutboxRecord]:
    """The events of one change; they all continue the running trace."""
    traceparent = current_traceparent()
    return [to_record(event, traceparent) for event in events]


def source_of(service: str) -> str:
    """The CloudEvents source of a service."""
    return f"urn:forecourt:{service}"


class MalformedMessage(ValueError):
    """The record is not an event of the catalogue; it will never be."""


class Message(NamedTuple):
    """One Kafka record as a consumer sees it, not yet parsed."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]
    published_at: datetime

    @classmethod
    def of(cls, record: Any) -> "Message":
        """From an aiokafka ConsumerRecord; a header that is given twice counts once, the last one."""
        headers = {name: raw.decode("utf-8", "replace") for name, raw in record.headers if raw is not None}
        try:
            published_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        except (ValueError, OverflowError, OSError):  # of a producer whose clock is outside of the calendar
            published_at = EPOCH
        return cls(record.topic, record.partition, record.offset, record.key, record.value, headers, published_at)

    @property
    def identity(self) -> tuple[str, str]:
        """(source, id): what the inbox knows the message by. A record without an id is known by its place."""
        place = f"{self.topic}/{self.partition}/{self.offset}"
        return self.headers.get("ce_source", ""), self.headers.get("ce_id", place)

    @property
    def traceparent(self) -> str | None:
        """The trace that the message continues."""
        return self.headers.get("traceparent")

    def event(self) -> Event | None:
        """The event, or None for a type that this release does not know (a newer producer may send it).

        Raises MalformedMessage where headers or body cannot be understood.
        """
        type_name = self.headers.get("ce_type")
        if type_name is None or self.value is None:
            raise MalformedMessage("the record has no ce_type header or no value")
        entry = ENTRY_BY_TYPE.get(type_name)
        if entry is None:
            return None
        try:
            return entry.event.model_validate_json(self.value)
        except ValueError as error:
            raise MalformedMessage(f"the value is not a {type_name}: {error}") from error
