"""Faust's agents answer for a batch once it is in the views, and never for one that is not."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from analytics.agents import running_agents
from servicekit.kafka import Interrupted
from servicekit.store import StoreUnavailable


class Folding:
    """In the place of a view's folding: takes when it is let, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.began, self.may_end = asyncio.Event(), asyncio.Event()
        self.taken: list[Any] = []
        self._error = error

    async def take(self, arrived: Sequence[Any]) -> None:
        self.began.set()
        await self.may_end.wait()
        if self._error:
            raise self._error
        self.taken.append(arrived)


def agents(**views: Any) -> Any:
    return running_agents("analytics-test", views)


async def test_a_batch_is_folded_when_every_view_has_it():
    one, other = Folding(), Folding()
    async with agents(one=one, other=other) as running:
        folding = asyncio.create_task(running.fold(["fact"]))
        one.may_end.set()
        await other.began.wait()
        assert not folding.done()
        other.may_end.set()
        await folding
    assert one.taken == other.taken == [["fact"]]


async def test_what_one_raises_comes_back_when_all_have_ended_and_the_next_batch_is_taken():
    wrong, right = Folding(StoreUnavailable("away")), Folding()
    wrong.may_end.set()
    async with agents(wrong=wrong, right=right) as running:
        for _ in range(2):
            folding = asyncio.create_task(running.fold(["fact"]))
            await right.began.wait()
            right.may_end.set()
            with pytest.raises(StoreUnavailable, match="away"):
                await folding
    assert right.taken == [["fact"]] * 2


async def test_a_batch_that_is_cut_short_does_not_count_as_folded():
    slow = Folding()
    async with agents(slow=slow) as running:
        folding = asyncio.create_task(running.fold(["fact"]))
        await slow.began.wait()
    with pytest.raises(Interrupted):
        await asyncio.wait_for(folding, 5)
    assert slow.taken == []
