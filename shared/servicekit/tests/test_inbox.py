"""The inbox on both kinds of store: an event counts once, however often and whenever it comes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.store import SeenBefore

from .conftest import TOPIC, Backend


def message(offset: int, event_id: str | None, source: str = "urn:test") -> Message:
    """A record at an offset; without an id it is known by its place."""
    given = {"ce_source": source} | ({"ce_id": event_id} if event_id else {})
    return Message(TOPIC, 0, offset, None, None, given, datetime.now(UTC))


async def first_seen(store: Any, *messages: Message, consumer: str = "kit.main") -> list[int]:
    """The offsets of those that are new."""
    try:
        seen = await store.transact(lambda tx: store.first_seen(tx, consumer, messages, expect_new=True))
    except SeenBefore:
        seen = await store.transact(lambda tx: store.first_seen(tx, consumer, messages, expect_new=False))
    return [one.offset for one in seen]


async def test_the_same_id_twice_in_a_batch_counts_once_and_order_stays(backend: Backend):
    async with backend.connect() as store:
        assert await first_seen(store, message(1, "b"), message(2, "a"), message(3, "b"), message(4, "c")) == [1, 2, 4]


async def test_the_same_id_in_later_batches_and_after_a_restart_is_known(backend: Backend):
    async with backend.connect() as store:
        assert await first_seen(store, message(1, "a"), message(2, "b")) == [1, 2]
        assert await first_seen(store, message(3, "b"), message(4, "c")) == [4]
    async with backend.connect() as store:
        assert await first_seen(store, message(5, "a"), message(6, "c"), message(7, "d")) == [7]


async def test_identity_is_source_and_id_per_consumer(backend: Backend):
    async with backend.connect() as store:
        assert await first_seen(store, message(1, "a"), message(2, "a", source="urn:other")) == [1, 2]
        assert await first_seen(store, message(1, "a"), consumer="kit.other") == [1]


async def test_a_record_without_an_id_is_known_by_its_place(backend: Backend):
    async with backend.connect() as store:
        assert await first_seen(store, message(1, None), message(2, None)) == [1, 2]
        assert await first_seen(store, message(2, None), message(3, None)) == [3]


async def test_what_was_rolled_back_is_new_again(backend: Backend):
    async with backend.connect() as store:

        async def fail(tx: Any) -> None:
            assert len(await store.first_seen(tx, "kit.main", [message(1, "a")], expect_new=True)) == 1
            raise RuntimeError("the effect failed")

        with pytest.raises(RuntimeError):
            await store.transact(fail)
        assert await first_seen(store, message(1, "a")) == [1]


async def test_an_empty_batch_is_none_new(backend: Backend):
    async with backend.connect() as store:
        assert await first_seen(store) == []


async def test_a_message_has_the_identity_that_its_headers_give():
    event_id = str(new_id())
    assert message(1, event_id).identity == ("urn:test", event_id)
    assert message(7, None).identity == ("urn:test", f"{TOPIC}/0/7")
