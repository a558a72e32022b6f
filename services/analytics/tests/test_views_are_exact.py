"""Whatever topics bring, views are what a clean run makes of the same events, byte for byte."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest

from analytics.domain.catalogue import VIEWS
from analytics.domain.facts import Fact, OrderPaid
from analytics.domain.folds.station_hours import StationHours
from analytics.domain.views import Document
from analytics.use_cases.context import Analytics as Process
from analytics.use_cases.folding import Folding
from servicekit.ids import new_id
from servicekit.store import StoreUnavailable

from .conftest import Analytics
from .stream_kit import a_day, as_topics_are, bytes_of, no_events, purchases

CLEAN, OTHER = 9_001, 9_002
HOURS = StationHours()


@pytest.fixture
async def process(analytics: Analytics) -> AsyncIterator[Process]:
    """The service, with two generations of each view of the test's own."""
    yield analytics.process
    for view in (*VIEWS, Picky()):
        for generation in (CLEAN, OTHER):
            await analytics.process.views.of(view, generation).drop()


def into(process: Process, generation: int) -> Folding:
    return Folding(process, VIEWS, {view.name: generation for view in VIEWS})


async def letters_of(process: Process, stations: Sequence[UUID]) -> list[str]:
    """Who set messages of these stations aside."""
    texts = [str(station).encode() for station in stations]
    letters = await process.store.dead_letters(None, 1000)
    return [one.consumer for one in letters if any(text in (one.message.value or b"") for text in texts)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_duplicates_disorder_and_records_that_are_no_events_change_nothing(process: Process, seed: int):
    stations = [new_id() for _ in range(3)]
    events = a_day(stations)
    await into(process, CLEAN).take(events)
    topics, folding = as_topics_are(events, seed), into(process, OTHER)
    for start in range(0, len(topics), 40):
        await folding.take(topics[start : start + 40])
    for view in VIEWS:
        clean = await bytes_of(process, view, CLEAN)
        assert clean
        assert await bytes_of(process, view, OTHER) == clean, view.name


async def test_workers_that_fold_into_the_same_documents_at_once_lose_nothing(process: Process):
    """Each has orders of its own, of the same drivers in the same hours, and twice: every document is raced for."""
    events = purchases([new_id()], 80)
    await into(process, CLEAN).take(events)

    async def work(number: int) -> None:
        topics, folding = as_topics_are(events[number::4], seed=number), into(process, OTHER)
        for start in range(0, len(topics), 20):
            await folding.take(topics[start : start + 20])

    await asyncio.gather(*(work(number) for number in range(4)))
    for view in VIEWS:
        assert await bytes_of(process, view, OTHER) == await bytes_of(process, view, CLEAN), view.name


async def test_what_is_no_event_is_set_aside_once_and_what_is_unknown_is_passed_over(process: Process):
    station = new_id()
    [event] = purchases([station], 1)
    records = no_events(event)
    for _ in range(2):
        await into(process, OTHER).take(records)
    assert await bytes_of(process, HOURS, OTHER) == {}
    assert await letters_of(process, [station]) == ["analytics.views"] * 4  # of two others no station is left


class Picky(StationHours):
    """A view that cannot take purchases of one driver."""

    name, collection = "picky", "picky"
    dislikes: str | None = None

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if isinstance(fact.event, OrderPaid) and fact.event.driver_id == self.dislikes:
                document["orders"] += 1_000
                raise ValueError("this view does not take that driver")
        super().fold(document, facts)


async def test_what_a_view_cannot_take_stops_nothing_else(process: Process):
    """And comes into the view from its dead letter, once the cause is mended."""
    station = new_id()
    events, picky = purchases([station], 50), Picky()
    fact = Folding(process)._arrivals.fact(events[7])
    assert fact is not None
    assert isinstance(fact.event, OrderPaid)
    picky.dislikes = fact.event.driver_id
    disliked = [one for one in events if (one.value or b"").find(picky.dislikes.encode()) >= 0]
    folding = Folding(process, (picky,), {picky.name: OTHER})
    await folding.take(events)
    await Folding(process, (picky,), {picky.name: CLEAN}).take([one for one in events if one not in disliked])
    assert await bytes_of(process, picky, OTHER) == await bytes_of(process, picky, CLEAN)
    assert await letters_of(process, [station]) == ["analytics.picky"] * len(disliked)

    letters = [one for one in await process.store.dead_letters("waiting", 1000) if one.consumer == "analytics.picky"]
    assert [await folding.replay(one) for one in letters] == [
        "ValueError('this view does not take that driver')" for _ in letters
    ]
    picky.dislikes = None
    assert [await folding.replay(one) for one in letters] == [None for _ in letters]
    await Folding(process, (picky,), {picky.name: CLEAN}).take(events)
    assert await bytes_of(process, picky, OTHER) == await bytes_of(process, picky, CLEAN)


async def test_a_figure_that_no_store_holds_is_set_aside(process: Process):
    station = new_id()
    huge, *events = purchases([station], 20)
    value = (huge.value or b"").replace(b'"paid_minor":', b'"paid_minor":9' + b"0" * 30)
    folding = into(process, OTHER)
    await folding.take([*events[:9], huge._replace(value=value), *events[9:]])
    await into(process, CLEAN).take(events)
    assert await bytes_of(process, HOURS, OTHER) == await bytes_of(process, HOURS, CLEAN)
    assert "analytics.station-hours" in await letters_of(process, [station])


async def test_a_store_that_is_away_blames_no_message(process: Process, monkeypatch: pytest.MonkeyPatch):
    station = new_id()
    events, folding = purchases([station], 10), into(process, OTHER)

    async def away(*_: Any) -> Mapping[str, Any]:
        raise StoreUnavailable("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(process.views, "load", away)
        with pytest.raises(StoreUnavailable):
            await folding.take(events)
    await folding.take(events)
    await into(process, CLEAN).take(events)
    assert await bytes_of(process, HOURS, OTHER) == await bytes_of(process, HOURS, CLEAN)
    assert await letters_of(process, [station]) == []
