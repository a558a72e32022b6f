"""The books of points as operators look at them, and a topic played once more."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec import Struct

from loyalty.repository import books, points
from loyalty.use_cases.batches import lock_all
from loyalty.use_cases.context import Loyalty
from servicekit.consumer import Subscriptions
from servicekit.replaying import replay_topic


class Replayed(Struct, frozen=True):
    """What a replay did: see servicekit.replaying; and how much of each kind is not what it was before."""

    read: int
    handled: int
    refused: int
    changed: dict[str, int]


async def replay(
    loyalty: Loyalty, subscriptions: Subscriptions, topic: str, tell: Callable[[int, int], None]
) -> Replayed:  # fmt: skip
    """Plays a topic through the service's handlers once more. What changes meanwhile in other ways counts as well."""
    reading = [asyncio.create_task(run()) for run in (loyalty.campaigns.run, loyalty.earning.run)]
    try:
        await asyncio.gather(loyalty.campaigns.read(), loyalty.earning.read())
        before = await _digests(loyalty)
        prepare = partial(lock_all, loyalty)
        done = await replay_topic(loyalty.settings, loyalty.store, subscriptions, topic, tell, prepare)
        after = await _digests(loyalty)
    finally:
        for task in reading:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return Replayed(*done, changed={name: _changes(before[name], after[name]) for name in before})


async def _digests(loyalty: Loyalty) -> dict[str, dict[str, str]]:
    async with loyalty.store.connection() as connection:
        return await books.digests(connection)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    return sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())


async def check(loyalty: Loyalty) -> tuple[dict[str, int], list[Mapping[str, Any]]]:
    """(what each kind of account holds, drivers whose balance, lots and postings differ)."""
    async with loyalty.store.connection() as connection, connection.transaction(isolation="repeatable_read"):
        return await points.counters(connection), list(await points.check(connection))


async def rebuild(loyalty: Loyalty) -> int:
    """Makes lots and balances anew from the postings; how many were not what those say."""
    return await loyalty.store.transact(points.rebuild)
