"""Work that takes seconds of a processor: a little of it at once in a process, so that people are served meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from servicekit.problems import Unavailable


class Turns:
    """So many work at once, and a few more wait for their turn; whoever comes then is told to come again."""

    def __init__(self, what: str, at_once: int, most_waiting: int, retry_after_seconds: int = 10) -> None:
        """`what` is that of servicekit.problems.Unavailable."""
        self._what = what
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + most_waiting
        self._here = 0
        self._retry_after_seconds = retry_after_seconds

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """One's turn, as long as it takes. Raises Problem 503 where too many wait already."""
        if self._here >= self._most:
            raise Unavailable(self._what, self._retry_after_seconds)
        self._here += 1
        try:
            async with self._turns:
                yield
        finally:
            self._here -= 1
