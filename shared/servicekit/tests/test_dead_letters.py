"""Dead letters on both kinds of store: kept once, listed, replayed by the running service."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from schemas.events import PumpStatusChangedV1
from servicekit.auth import Verifier
from servicekit.consumer import Consumer, Received
from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.testkit import KafkaProbe, eventually

from .conftest import TOPIC, Backend, end, headers, pump_event


def message(offset: int = 1, published_at: datetime | None = None) -> Message:
    event = pump_event(new_id())
    named = {name: value.decode() for name, value in headers(event)}
    moment = published_at or datetime(2026, 4, 30, 10, tzinfo=UTC)
    return Message(TOPIC, 3, offset, b"key", event.model_dump_json().encode(), named, moment)


async def test_a_record_is_buried_once_and_kept_whole(backend: Backend):
    one = message()
    async with backend.connect() as store:
        for _ in range(2):
            await store.bury("kit.main", one, "ValueError('bad')")
        [letter] = await store.dead_letters(None, 10)
    assert letter.message == one
    assert (letter.consumer, letter.error, letter.status) == ("kit.main", "ValueError('bad')", "waiting")
    assert (letter.attempts, letter.requested_by, letter.resolved_at) == (0, None, None)


async def test_the_same_offset_of_a_topic_made_anew_is_another_record(backend: Backend):
    async with backend.connect() as store:
        await store.bury("kit.main", message(), "first")
        await store.bury("kit.main", message(published_at=datetime(2026, 5, 1, tzinfo=UTC)), "second")
        assert [letter.error for letter in await store.dead_letters(None, 10)] == ["second", "first"]


async def test_the_newest_come_first_by_status_within_the_limit(backend: Backend):
    async with backend.connect() as store:
        for offset in range(5):
            await store.bury("kit.main", message(offset), f"error {offset}")
        newest, *_, oldest = await store.dead_letters("waiting", 10)
        assert (newest.error, oldest.error) == ("error 4", "error 0")
        assert len(await store.dead_letters("waiting", 3)) == 3
        assert await store.request_replay([oldest.id, new_id()], "somebody") == 1
        assert await store.request_replay([oldest.id], "somebody else") == 0
        [requested] = await store.dead_letters("replay", 10)
        assert (requested.id, requested.requested_by) == (oldest.id, "somebody")
        assert len(await store.dead_letters("waiting", 10)) == 4


async def test_each_consumer_looks_for_its_own(backend: Backend):
    async with backend.connect() as store:
        for number, consumer in enumerate(("kit.main", "kit.views", "kit.hours")):
            await store.bury(consumer, message(number), "wrong")
        letters = await store.dead_letters("waiting", 10, ["kit.hours", "kit.views"])
        assert [letter.consumer for letter in letters] == ["kit.hours", "kit.views"]
        assert await store.dead_letters("waiting", 10, ["kit.other"]) == []


async def test_a_settled_replay_is_done_or_waits_again(backend: Backend):
    async with backend.connect() as store:
        for offset in range(2):
            await store.bury("kit.main", message(offset), "first error")
        failed, done = await store.dead_letters(None, 10)
        await store.request_replay([failed.id, done.id], "somebody")
        await store.settle_replay(failed, "second error")
        await store.settle_replay(done, None)
        [waiting], [replayed] = await store.dead_letters("waiting", 10), await store.dead_letters("replayed", 10)
    assert (waiting.id, waiting.error, waiting.attempts, waiting.resolved_at) == (failed.id, "second error", 1, None)
    assert (replayed.id, replayed.error, replayed.attempts) == (done.id, "first error", 1)
    assert replayed.resolved_at is not None


async def test_the_running_service_replays_what_is_asked_for(backend: Backend, kafka: KafkaProbe):
    """The first replay fails and waits again; once the cause is mended the second one has its effect, once."""
    event, broken = pump_event(new_id()), True

    async def handle(tx: Any, received: Sequence[Received]) -> None:
        ours = [one for one in received if one.event.station_id == event.station_id]
        if ours:
            await backend.note(store, tx, "handled")
            if broken:
                raise ValueError("still broken")

    await kafka.send(TOPIC, event.model_dump_json().encode(), event.key().encode(), headers(event))
    async with backend.connect() as store:
        consumer = Consumer(backend.settings, store, {PumpStatusChangedV1: handle}, Verifier(backend.settings))
        task = asyncio.create_task(consumer.run())

        async def ours(status: str, attempts: int) -> list[Any]:
            letters = await store.dead_letters(status, 1000)
            return [x for x in letters if x.message.key == event.key().encode() and x.attempts == attempts]

        [letter] = await eventually(lambda: ours("waiting", 0))
        await store.request_replay([letter.id], "tester")
        await eventually(lambda: ours("waiting", 1))
        broken = False
        await store.request_replay([letter.id], "tester")
        await eventually(lambda: ours("replayed", 2))
        await end(task)
        assert await backend.notes(store) == ["handled"]
