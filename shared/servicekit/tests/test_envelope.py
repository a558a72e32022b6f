"""What a consumer makes of a record as Kafka gives it, whatever is in it."""

from datetime import UTC, datetime

import pytest
from aiokafka import ConsumerRecord

from servicekit.envelope import EPOCH, Message


def _record(timestamp: int, *headers: tuple[str, bytes]) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord("prices", 3, 7, timestamp, 0, b"key", b"{}", None, 3, 2, headers)


def test_a_record_becomes_a_message() -> None:
    message = Message.of(_record(1_700_000_000_250, ("ce_id", b"1"), ("ce_id", b"2"), ("bad", b"\xff")))
    assert message.published_at == datetime(2023, 11, 14, 22, 13, 20, 250_000, UTC)
    assert message.headers == {"ce_id": "2", "bad": "\ufffd"}
    assert message.identity == ("", "2")


@pytest.mark.parametrize("timestamp", [2**62, -(2**62), 10**15])
def test_a_clock_outside_of_the_calendar_ends_no_consumer(timestamp: int) -> None:
    assert Message.of(_record(timestamp)).published_at == EPOCH
