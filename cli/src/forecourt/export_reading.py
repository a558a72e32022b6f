"""A topic between two moments, record by record, by a client that leaves no trace in the broker."""

# confluent_kafka re-exports without __all__.
# pyright: reportPrivateImportUsage=false

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from servicekit.envelope import Message

TIMEOUT_SECONDS = 20.0
STALL_SECONDS = 30.0
AT_ONCE = 1_000
_SETTINGS: dict[str, Any] = {
    "group.id": "observer.export", "enable.auto.commit": False, "enable.auto.offset.store": False,
    "enable.partition.eof": True, "isolation.level": "read_committed", "queued.max.messages.kbytes": 32 * 1024,
    "log_level": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a partition: offsets from `begin` up to and without `end`."""

    partition: int
    begin: int
    end: int


class TopicReader:
    """Reads a topic from one moment up to another; both are by when records were published."""

    def __init__(self, settings: dict[str, Any], topic: str, since: datetime | None, until: datetime) -> None:
        self.spans: list[Span] = []
        self._consumer = Consumer(settings | _SETTINGS)
        self._topic, self._since, self._until = topic, since, until

    def records(self, tell: Callable[[int, int], None]) -> Iterator[Message]:
        """Every record in between. `tell` hears how many were read, and how many offsets there are.

        Raises KafkaException where the broker refuses it or is away.
        """
        try:
            self.spans = self._find_spans()
            total = sum(span.end - span.begin for span in self.spans)
            for read, record in enumerate(self._read(), start=1):
                if read % AT_ONCE == 0:
                    tell(read, total)
                message = message_of(record)
                if (self._since is None or message.published_at >= self._since) and message.published_at < self._until:
                    yield message
            tell(total, total)
        finally:
            self._consumer.close()

    def _find_spans(self) -> list[Span]:
        known = self._consumer.list_topics(self._topic, timeout=TIMEOUT_SECONDS).topics[self._topic]
        if known.error is not None:
            raise KafkaException(known.error)
        partitions = sorted(known.partitions)
        bounds = {number: self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), TIMEOUT_SECONDS)
                  for number in partitions}  # fmt: skip
        begins = self._offsets_at(self._since, partitions) if self._since else {}
        ends = self._offsets_at(self._until, partitions)
        spans = [Span(number, max(low, begins.get(number, low)), min(high, ends[number]))
                 for number, (low, high) in bounds.items()]  # fmt: skip
        return [span for span in spans if span.begin < span.end]

    def _offsets_at(self, moment: datetime, partitions: list[int]) -> dict[int, int]:
        """The first offset of a record that is not before the moment; far behind the end where there is none."""
        milliseconds = round(moment.timestamp() * 1000)
        asked = [TopicPartition(self._topic, number, milliseconds) for number in partitions]
        found = self._consumer.offsets_for_times(asked, timeout=TIMEOUT_SECONDS)
        return {one.partition: one.offset if one.offset >= 0 else 2**63 - 1 for one in found}

    def _read(self) -> Iterator[Record]:
        """Until each partition is at its span's end. Compaction leaves gaps, so what counts is where a record lies."""
        ends: dict[int | None, int] = {span.partition: span.end for span in self.spans}
        self._consumer.assign([TopicPartition(self._topic, span.partition, span.begin) for span in self.spans])
        heard_at = time.monotonic()
        while ends:
            records = self._consumer.consume(AT_ONCE, 1.0)
            if records:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > STALL_SECONDS:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"nothing came for {STALL_SECONDS:.0f} s"))
            for record in records:
                number, error, offset = record.partition(), record.error(), record.offset() or 0
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                if number in ends and error is None and offset < ends[number]:
                    yield record
                if number in ends and (error is not None or offset + 1 >= ends[number]):
                    del ends[number]


def message_of(record: Record) -> Message:
    """The record as consumers of ours see one."""
    headers = {name: _text(raw) for name, raw in record.headers() or () if raw is not None}
    published_at = datetime.fromtimestamp(record.timestamp()[1] / 1000, UTC)
    key, value = _bytes(record.key()), _bytes(record.value())
    return Message(
        record.topic() or "", record.partition() or 0, record.offset() or 0, key, value, headers, published_at
    )  # fmt: skip


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")


def _bytes(raw: str | bytes | None) -> bytes | None:
    return raw.encode() if isinstance(raw, str) else raw
