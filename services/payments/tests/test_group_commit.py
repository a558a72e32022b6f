"""Group commit: who comes during a batch is in the next, and nobody suffers for another."""

import asyncio
from collections.abc import Sequence

import pytest

from payments.use_cases.group_commit import GroupCommit
from servicekit.problems import Problem
from servicekit.store import StoreUnavailable


class Writer:
    """Writes numbers down; a batch ends when it is let go. A negative number cannot be written."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.tried = 0
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> list[str]:
        self.tried += 1
        await self.gate.wait()
        if self.error:
            raise self.error
        if any(item < 0 for item in items):
            raise ValueError("below zero")
        self.batches.append(list(items))
        return [f"wrote {item}" for item in items]


def submit_all(group: GroupCommit[int, str], *items: int) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(group.submit(item)) for item in items]


async def begun(writer: Writer, times: int = 1) -> None:
    while writer.tried < times:  # noqa: ASYNC110 - one turn of the loop at a time
        await asyncio.sleep(0)


async def test_what_comes_during_a_batch_is_the_next_batch() -> None:
    writer = Writer()
    group = GroupCommit(writer, name="The test")
    first = submit_all(group, 1)
    await begun(writer)
    others = submit_all(group, 2, 3, 4)
    await asyncio.sleep(0)
    writer.gate.set()
    assert await asyncio.gather(*first, *others) == ["wrote 1", "wrote 2", "wrote 3", "wrote 4"]
    assert writer.batches == [[1], [2, 3, 4]]


async def test_a_batch_is_never_larger_than_its_bound() -> None:
    writer = Writer()
    writer.gate.set()
    group = GroupCommit(writer, name="The test", largest_batch=2)
    await asyncio.gather(*submit_all(group, *range(5)))
    assert writer.batches == [[0, 1], [2, 3], [4]]


async def test_one_failing_item_does_not_fail_the_others() -> None:
    writer = Writer()
    writer.gate.set()
    group = GroupCommit(writer, name="The test")
    results = await asyncio.gather(*submit_all(group, 1, 2, -3, 4, 5, 6, 7, -8), return_exceptions=True)
    assert [isinstance(one, ValueError) for one in results] == [False, False, True, False, False, False, False, True]
    assert sorted(item for batch in writer.batches for item in batch) == [1, 2, 4, 5, 6, 7]


async def test_a_database_that_is_away_fails_all_at_once() -> None:
    writer = Writer()
    writer.gate.set()
    writer.error = StoreUnavailable("away")
    group = GroupCommit(writer, name="The test")
    results = await asyncio.gather(*submit_all(group, 1, 2, 3), return_exceptions=True)
    assert [type(one) for one in results] == [StoreUnavailable] * 3
    assert writer.tried == 1
    writer.error = None
    assert await group.submit(4) == "wrote 4"


async def test_a_caller_that_gave_up_leaves_the_others_alone() -> None:
    writer = Writer()
    group = GroupCommit(writer, name="The test")
    written, *_ = submit_all(group, 1)
    await begun(writer)
    gone, stays = submit_all(group, 2, 3)
    await asyncio.sleep(0)
    written.cancel()
    gone.cancel()
    writer.gate.set()
    assert await stays == "wrote 3"
    assert writer.batches == [[1], [3]]


async def test_too_many_are_refused_and_told_to_come_again() -> None:
    writer = Writer()
    group = GroupCommit(writer, name="The test", most_waiting=2)
    first = submit_all(group, 0)
    await begun(writer)
    waiting = submit_all(group, 1, 2)
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await group.submit(3)
    assert refused.value.status == 503
    writer.gate.set()
    await asyncio.gather(*first, *waiting)


async def test_callers_are_told_when_the_writer_ends() -> None:
    writer = Writer()
    group = GroupCommit(writer, name="The test")
    writing, waiting = submit_all(group, 1)[0], submit_all(group, 2)[0]
    await begun(writer)
    (task,) = [one for one in asyncio.all_tasks() if one.get_coro().__name__ == "_write_all"]  # pyright: ignore
    task.cancel()
    results = await asyncio.gather(writing, waiting, return_exceptions=True)
    assert [type(one) for one in results] == [asyncio.CancelledError] * 2


async def test_several_batches_may_be_under_way_and_none_waits_for_nothing() -> None:
    writer = Writer()
    group = GroupCommit(writer, name="The test", most_writers=2)
    first = submit_all(group, 1)
    await begun(writer)
    second = submit_all(group, 2)
    await begun(writer, 2)
    third = submit_all(group, 3, 4)
    await asyncio.sleep(0)
    writer.gate.set()
    assert await asyncio.gather(*first, *second, *third) == ["wrote 1", "wrote 2", "wrote 3", "wrote 4"]
    assert sorted(writer.batches) == [[1], [2], [3, 4]]
    for item in range(5, 50):  # each comes just as the one before has been written
        assert await group.submit(item) == f"wrote {item}"
