"""Rows that are due, cared for some at a time: one whose provider is slow holds up no other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from payments.use_cases.context import Payments
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=45)
"""Longer than all that is asked of a provider for one row: then whoever had it is gone."""
MOST_AT_ONCE = 32
PAUSE_SECONDS = 0.3
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Due(Generic[Item]):
    """A kind of row: `take` gets (transaction, moment, how many, lease) and gives those that are due, ours until the
    lease ends; `care` carries on with one of them."""

    take: Callable[[Connection, datetime, int, timedelta], Awaitable[Sequence[Item]]]
    care: Callable[[Payments, Item], Awaitable[object]]
    at_once: int = MOST_AT_ONCE


async def keep_up(payments: Payments, name: str, due: Due[Item]) -> None:
    """Cares for what is due for as long as the process lives; where it dies, the row is due again."""
    running: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            running = {task for task in running if not task.done()}
            taken = await _take(payments, due, due.at_once - len(running))
            running |= {group.create_task(_care(payments, name, due, item)) for item in taken}
            if len(running) >= due.at_once:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            elif not taken:
                await asyncio.sleep(PAUSE_SECONDS)


async def _take(payments: Payments, due: Due[Item], limit: int) -> Sequence[Item]:
    try:
        return await payments.store.transact(lambda tx: due.take(tx, datetime.now(UTC), limit, LEASE))
    except StoreUnavailable as error:
        log.warning("the database is away, trying again later", extra={"error": str(error)})
        return []


async def _care(payments: Payments, name: str, due: Due[Item], item: Item) -> None:
    """What it fails of must not end the others; the row is due again when the lease ends."""
    try:
        await due.care(payments, item)
    except StoreUnavailable as error:
        log.warning("the database is away, trying again later", extra={"error": str(error)})
    except Exception:
        log.exception("due work failed", extra={"task": name})
