"""Waiting between tries that go on for ever: longer each time, up to a bound, never in step with others."""

import asyncio
import random

FIRST_SECONDS = 0.1
LAST_SECONDS = 5.0


class Backoff:
    """One series of waits; make a new one after a success."""

    def __init__(self) -> None:
        self._seconds = FIRST_SECONDS

    async def wait(self) -> None:
        """Sleeps for the next delay, with jitter."""
        await asyncio.sleep(self._seconds * random.uniform(0.75, 1.25))  # noqa: S311 - jitter is no secret
        self._seconds = min(self._seconds * 2, LAST_SECONDS)
