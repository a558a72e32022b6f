"""Work that a service does again and again for as long as it runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)


async def repeat(work: Callable[[], Awaitable[object]], pause_seconds: float) -> None:
    """Does the work, pauses, and so on until cancelled; while the database is away it tries again after the pause."""
    while True:
        try:
            await work()
        except StoreUnavailable as error:
            log.warning("the database is away, trying again later", extra={"error": str(error)})
        await asyncio.sleep(pause_seconds)
