"""A bounded share of a process's time for work that nobody waits for."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

IN_PASSING, ALL_OF_IT = 0.1, 1.0
"""Shares: beside folding views and answering questions, and in a process that does nothing else."""


class Pace:
    """Everybody who takes turns here works for at most this share of the time, all together.

    One at a time, and in the order in which they came: who has much to do goes to the end of the line after each turn.
    """

    def __init__(
        self, share: float, clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._share, self._clock, self._sleep = share, clock, sleep
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Some work, and after it a rest for everybody."""
        async with self._turn:
            began = self._clock()
            yield
            await self._sleep((self._clock() - began) * (1 / self._share - 1))
