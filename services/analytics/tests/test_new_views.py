"""A view that is new where topics were read already says that it is not complete, until it was built from them."""

from collections.abc import AsyncIterator

import pytest

from analytics.repository.generations import Generations
from analytics.repository.progress import ProgressRepository, Reached
from analytics.repository.views import Views
from analytics.use_cases import freshness
from analytics.use_cases.context import Analytics as Process
from analytics.use_cases.freshness import views_complete_until
from schemas.catalogue import TOPIC_BY_NAME

from .conftest import Analytics
from .rebuild_kit import OwnHours
from .stream_kit import DAY


@pytest.fixture
async def view(analytics: Analytics, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OwnHours]:
    """Of orders, some of which were read already; nothing is left of it afterwards."""
    made = OwnHours()
    monkeypatch.setattr(freshness, "VIEW_BY_NAME", {made.name: made})
    partitions = range(TOPIC_BY_NAME["payments.orders"].partitions)
    read = {("payments.orders", number): Reached(DAY, 1) for number in partitions}
    await ProgressRepository(analytics.store).save(read)
    yield made
    await analytics.store.database.views.delete_one({"_id": made.name})
    await analytics.store.database.drop_collection(f"{made.collection}.g1")
    await analytics.store.database.drop_collection(f"{made.collection}.g2")


async def started(analytics: Analytics, view: OwnHours) -> Process:
    """A process that starts with the view."""
    process = Process(analytics.settings, analytics.store)
    process.views = Views(analytics.store, (view,))
    await process.views.prepare()
    return process


async def rebuilt(process: Process, view: OwnHours) -> None:
    generations = Generations(process.views, view)
    serving, new = await generations.begin()
    await generations.announce(serving, new)
    await generations.swap(serving, new)


async def test_a_new_view_is_not_complete_before_it_was_rebuilt(
    analytics: Analytics, view: OwnHours, caplog: pytest.LogCaptureFixture
):
    process = await started(analytics, view)
    for _ in range(2):
        assert f"./forecourt rebuild-view {view.name}" in caplog.text
        assert await views_complete_until(process, [view.name]) is None
        caplog.clear()
        process = await started(analytics, view)
    caplog.clear()
    await rebuilt(process, view)
    assert await views_complete_until(process, [view.name]) is not None
    await started(analytics, view)
    assert caplog.text == ""


async def test_nor_is_one_with_a_new_event(analytics: Analytics, view: OwnHours, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as before:
        before.setattr(view, "events", view.events[1:])
        await rebuilt(await started(analytics, view), view)
        assert await views_complete_until(await started(analytics, view), [view.name]) is not None
    assert await views_complete_until(await started(analytics, view), [view.name]) is None


async def test_on_an_empty_platform_every_view_is_complete(
    analytics: Analytics, view: OwnHours, monkeypatch: pytest.MonkeyPatch
):
    async def nothing(_: ProgressRepository) -> set[str]:
        return set()

    with monkeypatch.context() as empty:
        empty.setattr(ProgressRepository, "begun", nothing)
        await started(analytics, view)
    assert await views_complete_until(await started(analytics, view), [view.name]) is not None
