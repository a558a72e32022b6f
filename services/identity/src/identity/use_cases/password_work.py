"""Where passwords are hashed: in threads, few at a time."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from servicekit.problems import Unavailable

MAX_AT_ONCE = 2
MAX_WAITING = 64
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class PasswordWork:
    """A hash takes a core and much memory for a while: the event loop must go on, and memory has an end."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_AT_ONCE)
        self._inside = 0

    async def run(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """What the work returns. Raises Unavailable where too much is waiting already."""
        if self._inside >= MAX_AT_ONCE + MAX_WAITING:
            raise Unavailable("The check of passwords")
        self._inside += 1
        try:
            async with self._free:
                return await asyncio.to_thread(work, *arguments, **named)
        finally:
            self._inside -= 1
