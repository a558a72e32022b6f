"""A view made anew equals what was folded event by event, and no event is lost on the way, whoever dies."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Binary

from analytics.commands.rebuild import notes_of
from analytics.repository import generations as generations_module
from analytics.repository import people as people_module
from analytics.repository import views as views_module
from analytics.repository.generations import GenerationLost, Generations
from analytics.use_cases import comparing, rebuilding
from analytics.use_cases.rebuilding import RebuildUnderWay, Rebuilt, TopicsCut, WorkersBehind
from analytics.use_cases.topic_reach import reach_of
from local_stack.config import Config
from schemas.base import Event
from servicekit.ids import new_id
from servicekit.mongo_lease import MongoLease
from servicekit.testkit import eventually

from .conftest import Analytics
from .rebuild_kit import Ground, OwnMonths, ground
from .sales_kit import completed, paid, refunded
from .stream_kit import no_events

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def here(infrastructure: Config, analytics: Analytics, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ground]:
    """Processes forget soon what serves, and a rebuild waits a little longer than that."""
    monkeypatch.setattr(views_module, "SERVING_SECONDS", 0.05)
    monkeypatch.setattr(rebuilding, "SERVING_SECONDS", 0.05)
    monkeypatch.setattr(rebuilding, "ANNOUNCED_SECONDS", 0.15)
    monkeypatch.setattr(rebuilding, "READERS_SECONDS", 0.1)
    monkeypatch.setattr(comparing, "SETTLING_SECONDS", 0.1)
    monkeypatch.setattr(comparing, "LOOK_AGAIN_SECONDS", 0.05)
    async with ground(infrastructure, analytics.settings, analytics.store) as made:
        yield made


def orders(count: int, at: datetime = NOW) -> list[Event]:
    """Orders at three stations, in five hours, some refunded."""
    stations = [new_id() for _ in range(3)]
    found: list[Event] = []
    for number in range(count):
        station_id, when = stations[number % 3], at - timedelta(minutes=37) * (number % 9)
        found.append(paid(station_id, when, paid_minor=20_000 + number, driver=f"driver-{number % 4}"))
        found.append(completed(station_id, when))
        if number % 5 == 0:
            found.append(refunded(station_id, when, 500))
    return found


async def test_rebuilt_view_equals_the_live_one_byte_for_byte(here: Ground):
    await here.publish(*orders(40))
    async with here.worker():
        await here.all_is_folded()
        before = await here.documents()
        done = await here.rebuild(compare=True)
    assert done.comparison is not None
    assert (done.comparison.differences, done.comparison.documents) == (0, len(before))
    assert (done.serves, done.records, done.taken_over) == (True, len(here.published), 0)
    assert await here.documents() == before
    assert await here.collections() == [f"{here.view.collection}.g2"]


async def test_no_event_is_lost_while_events_flow(here: Ground):
    await here.publish(*orders(20))
    async with here.worker(), here.worker():
        await here.all_is_folded()
        stop = asyncio.Event()

        async def flow() -> None:
            while not stop.is_set():
                await here.publish(*orders(3))

        flowing = asyncio.create_task(flow())
        done = await here.rebuild(compare=True)
        await here.publish(*orders(3))
        stop.set()
        await flowing
        assert done.comparison is not None
        assert (done.comparison.examples, done.serves) == ([], True)
        await here.all_is_folded()


async def test_what_a_slow_worker_had_read_before_the_announcement_is_not_lost(here: Ground):
    slow = here.process()
    await slow.views.serving(here.view.name)
    messages = await here.publish(*orders(4))
    await here.rebuild()
    async with here.worker() as worker:
        worker.folding.views[here.view.name]._generation = 1
        await worker.folding.take(messages)
    assert await here.figures() == here.expected()


async def test_from_the_announcement_on_workers_fold_into_both(here: Ground):
    process = here.process()
    generations = Generations(process.views, here.view)
    serving, new = await generations.begin()
    await generations.announce(serving, new)
    async with here.worker():
        await here.publish(*orders(4))
        await here.all_is_folded()

        async def the_new_one_has_all() -> bool:
            return await generations.count(new) == len(here.expected())

        await eventually(the_new_one_has_all)
    await generations.swap(serving, new)
    assert await here.figures() == here.expected()


async def test_times_before_the_topic_begins_are_taken_over_and_folded_on(here: Ground):
    long_ago = NOW - timedelta(days=40)
    old: list[Any] = orders(9, long_ago)
    await here.publish(*old)
    async with here.worker():
        await here.all_is_folded()
        await here.forget_all_published()
        await here.publish(*orders(9))
        late = paid(old[0].station_id, long_ago)
        await here.publish(late, at=NOW)
        await here.all_is_folded()
        done = await here.rebuild(compare=True)
    assert done.comparison is not None
    assert (done.comparison.examples, done.serves) == ([], True)
    assert done.taken_over >= 9
    assert done.records == len(here.published) - len(old)
    assert await here.figures() == here.expected()


async def test_from_scratch_only_what_topics_still_have_is_there(here: Ground):
    await here.publish(*orders(5, NOW - timedelta(days=40)))
    async with here.worker():
        await here.all_is_folded()
        await here.forget_all_published()
        here.published.clear()
        await here.publish(*orders(5))
        done = await here.rebuild(from_scratch=True)
    assert done.taken_over == 0
    assert await here.figures() == here.expected()


async def test_topic_that_lost_all_its_records_leaves_the_view_as_it_is(here: Ground):
    await here.publish(*orders(5))
    async with here.worker():
        await here.all_is_folded()
    before = await here.documents()
    await here.forget_all_published()
    done = await here.rebuild()
    assert (done.taken_over, done.records) == (len(before), 0)
    assert await here.documents() == before


async def test_what_is_deleted_between_the_look_and_the_reading_is_not_lost(
    here: Ground, monkeypatch: pytest.MonkeyPatch
):
    await here.publish(*orders(5))
    async with here.worker():
        await here.all_is_folded()

    async def look_and_delete(*asked: Any) -> datetime | None:
        reach = await reach_of(*asked)
        await here.forget_all_published()
        return reach

    with monkeypatch.context() as retention:
        retention.setattr(rebuilding, "reach_of", look_and_delete)
        with pytest.raises(TopicsCut, match="start the rebuild again"):
            await here.rebuild()
    assert await here.figures() == here.expected()
    assert (await here.rebuild()).serves
    assert await here.figures() == here.expected()


async def test_taking_over_keeps_the_lease(here: Ground, monkeypatch: pytest.MonkeyPatch):
    await here.publish(*orders(5))
    async with here.worker():
        await here.all_is_folded()
    await here.forget_all_published()

    async def lost(_: MongoLease) -> bool:
        return False

    monkeypatch.setattr(MongoLease, "keep", lost)
    with pytest.raises(GenerationLost, match="taken over by another rebuild"):
        await here.rebuild()


async def test_hours_that_are_not_in_the_new_one_are_looked_at_again_too(here: Ground, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rebuilding, "PUBLISHED", {here.view.name})
    monkeypatch.setattr(generations_module, "IDS_AT_ONCE", 2)
    await here.publish(*orders(5))
    async with here.worker():
        await here.all_is_folded()
    collection = await here.process().views.collection(here.view.name)
    await collection.insert_one({"_id": "is no more", "n": 1, "seen": Binary(b"x" * 16)})
    assert (await here.rebuild()).serves
    waiting = here.store.database.changed_hours.find({"generation": 2})
    marked = {key async for mark in waiting for key in mark["keys"]}
    await here.store.database.changed_hours.delete_many({"generation": 2})
    assert marked == {"is no more", *here.expected()}


async def test_records_that_cannot_be_read_are_passed_over_and_counted(here: Ground):
    published = await here.publish(*orders(5))
    unread = no_events(published[0])
    await here.send(unread)
    async with here.worker():
        await here.all_is_folded()
        done = await here.rebuild(compare=True)
    assert (done.serves, done.records, done.unread) == (True, len(published) + len(unread), 6)
    assert "6 records could not be read" in " ".join(notes_of(done))
    assert await here.figures() == here.expected()


def test_what_was_taken_over_is_said():
    assert notes_of(Rebuilt("hours", documents=1_500)) == []
    [note] = notes_of(Rebuilt("hours", documents=1_500, taken_over=1_200))
    assert note.startswith("1,200 of 1,500 documents are about times that the topics no longer have: taken over")


async def test_comparison_finds_what_was_planted_and_the_old_view_serves_on(here: Ground):
    await here.publish(*orders(20))
    async with here.worker():
        await here.all_is_folded()
        collection = await here.process().views.collection(here.view.name)
        keys = sorted(await here.documents())
        await collection.update_one({"_id": keys[0]}, {"$inc": {"paid_minor": 1}})
        await collection.delete_one({"_id": keys[1]})
        await collection.insert_one({"_id": "zzz", "n": 1, "seen": Binary(b"x" * 16), "paid_minor": 3})
        done = await here.rebuild(compare=True)
        assert done.comparison is not None
        assert (done.serves, done.comparison.differences) == (False, 3)
        shown = {(one.key, one.field): (one.old, one.new) for one in done.comparison.examples}
        right = here.expected()[keys[0]]["paid_minor"]
        assert shown == {
            (keys[0], "paid_minor"): (str(right + 1), str(right)),
            (keys[1], ""): ("(missing)", "(is there)"), ("zzz", ""): ("(is there)", "(missing)"),
        }  # fmt: skip
        assert await here.collections() == [f"{here.view.collection}.g1"]
        assert (await here.rebuild(compare=True, swap_anyway=True)).serves
        assert await here.figures() == here.expected()


async def test_rebuild_that_was_killed_leaves_the_old_view_and_the_next_one_tidies_up(here: Ground):
    await here.publish(*orders(10))
    async with here.worker():
        await here.all_is_folded()
        killed = Generations(here.process().views, here.view)
        serving, new = await killed.begin()
        await killed.announce(serving, new)
        await here.publish(*orders(5))
        await here.all_is_folded()
        done = await here.rebuild(compare=True)
        assert done.serves
        assert await here.figures() == here.expected()
        assert await here.collections() == [f"{here.view.collection}.g3"]
        with pytest.raises(GenerationLost, match="gives way"):
            await killed.swap(serving, new)


async def test_rebuild_that_fails_is_withdrawn(here: Ground, monkeypatch: pytest.MonkeyPatch):
    async def fail(*_: object) -> None:
        raise OSError("no more")

    await here.publish(*orders(2))
    with monkeypatch.context() as broken:
        broken.setattr(Generations, "swap", fail)
        with pytest.raises(OSError, match="no more"):
            await here.rebuild()
    place = await here.store.database.views.find_one({"_id": here.view.name})
    assert place is not None
    assert (place["serving"], place["last"], "next" in place) == (1, 2, False)
    assert (await here.rebuild()).serves


async def test_one_rebuild_of_a_view_at_a_time(here: Ground):
    await here.publish(*orders(5))
    outcomes = await asyncio.gather(here.rebuild(), here.rebuild(), return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, RebuildUnderWay)]
    assert len(refused) == 1
    assert here.view.name in str(refused[0])
    assert await here.figures() == here.expected()


async def test_nothing_is_compared_with_a_view_that_is_behind(here: Ground, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rebuilding, "WORKERS_SECONDS", 0.1)
    published = await here.publish(*orders(5))
    with pytest.raises(WorkersBehind, match=f"{len(published)} records behind"):
        await here.rebuild(compare=True)
    assert (await here.rebuild()).serves


async def test_what_is_too_old_to_keep_of_a_person_is_not_brought_back(here: Ground, monkeypatch: pytest.MonkeyPatch):
    await here.remove_view()
    here.view = view = OwnMonths()
    for module in (people_module, rebuilding):
        monkeypatch.setattr(module, "PROFILES", {view.name})
    monkeypatch.setattr(people_module, "VIEW_BY_NAME", {view.name: view})
    await here.publish(paid(new_id(), NOW), paid(new_id(), NOW - timedelta(days=1200)), at=NOW)
    async with here.worker():
        await here.all_is_folded()
    assert len(await here.documents()) == 2
    assert (await here.rebuild()).serves
    assert [one["month"] for one in (await here.documents()).values()] == [f"{NOW:%Y-%m}"]
