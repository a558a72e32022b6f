"""Group commit: what comes while batches are being written is the next batch.

Nobody waits for a batch to fill: alone, an item is written at once. Under load a commit, which is what writing costs
most, is shared by all that came during the one before. A few batches may be under way at a time: while one waits for
the disk, the next one is worked on.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, cast

from servicekit.problems import Unavailable
from servicekit.store import StoreUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")
_Waiting = tuple[Item, asyncio.Future[Result]]

LARGEST_BATCH = 256
MOST_WAITING = 4_096


class GroupCommit(Generic[Item, Result]):
    """Writes items in groups, each group by one call of `write`: one transaction, one result for each item in order.

    A group that fails is written again in halves, down to the item that it failed of, so the others do not suffer; a
    database that is away fails them all. So `write` leaves nothing behind when it raises, except StoreUnavailable,
    after which nobody knows: the item must be one that may be submitted again.
    """

    def __init__(
        self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, name: str,
        largest_batch: int = LARGEST_BATCH, most_waiting: int = MOST_WAITING, most_writers: int = 1,
    ) -> None:  # fmt: skip
        self._write = write
        self._name = name
        self._largest_batch = largest_batch
        self._most_waiting = most_waiting
        self._most_writers = most_writers
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._writers: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """The item's result, once it is committed. Raises what writing it raised, or Problem 503 when too many wait.

        A caller that is cancelled while its item waits takes it back; once it is being written, it is written.
        """
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable(self._name)
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, result))
        if len(self._writers) < self._most_writers:
            # No caller's own task: it outlives each of them, and belongs to nobody's trace.
            self._writers.add(asyncio.create_task(self._write_all(), context=contextvars.Context()))
        return await result

    async def _write_all(self) -> None:
        try:
            while group := self._next_group():
                await self._settle(group)
        except asyncio.CancelledError:  # the loop is ending
            for _, result in self._waiting:
                result.cancel()
            self._waiting.clear()
            raise
        finally:  # at once, so that whoever comes now begins a new one
            self._writers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _next_group(self) -> list[_Waiting[Item, Result]]:
        group: list[_Waiting[Item, Result]] = []
        while self._waiting and len(group) < self._largest_batch:
            item, result = self._waiting.popleft()
            if not result.done():  # the caller has gone
                group.append((item, result))
        return group

    async def _settle(self, group: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._write([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to whom it belongs to
            if len(group) == 1 or isinstance(error, StoreUnavailable):
                _fail(group, error)
                return
            half = len(group) // 2
            await self._settle(group[:half])
            await self._settle(group[half:])
        except BaseException:  # the loop is ending
            for _, result in group:
                result.cancel()
            raise
        else:
            for (_, waiting), result in zip(group, results, strict=True):
                if not waiting.done():
                    waiting.set_result(result)


def _fail(group: Sequence[_Waiting[Item, Result]], error: Exception) -> None:
    for _, waiting in group:
        if not waiting.done():
            waiting.set_exception(error)
