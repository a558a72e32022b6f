"""Keeps what a process has in its memory up to date with a table, for the life of the service."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from servicekit.backoff import Backoff
from servicekit.postgres import PostgresStore
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


async def keep_reading(store: PostgresStore, channel: str, read: Callable[[], Awaitable[None]]) -> None:
    """Reads at once, on each notice of the channel, and every second in any case: a notice may be missed."""
    backoff = Backoff()
    while True:
        try:
            await _listen(store, channel, read)
            backoff = Backoff()
        except StoreUnavailable as error:
            log.warning("what is in memory is not up to date", extra={"channel": channel, "error": str(error)})
        await backoff.wait()


async def _listen(store: PostgresStore, channel: str, read: Callable[[], Awaitable[None]]) -> None:
    changed = asyncio.Event()
    async with store.listening(channel, lambda _: changed.set()) as lost:
        while not lost.is_set():
            changed.clear()
            await read()
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), LOOK_SECONDS)
