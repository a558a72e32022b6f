"""Keeps the price levels of regions current."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pricing.domain.levels import MIN_STATIONS, RECOMPUTE_AFTER
from pricing.repository import levels as repository
from servicekit.consumer import Received
from servicekit.postgres import Connection, PostgresStore

PAUSE_SECONDS = 2.0
"""Between two looks at the marks: however many prices change meanwhile, their region is computed once."""


async def mark_levels(tx: Connection, received: Sequence[Received]) -> None:
    """Marks the regions of prices that changed or were confirmed."""
    await repository.mark_prices(tx, list({(event.station_id, event.fuel) for event, *_ in received}))


async def recompute_levels(store: PostgresStore, stale_after: timedelta) -> int:
    """Computes the levels that are marked, in one replica at a time; returns how many grades of regions."""
    now = datetime.now(UTC)

    async def work(tx: Connection) -> int:
        marks = await repository.take_marks(tx, now - RECOMPUTE_AFTER)
        if marks:
            await repository.compute_levels(tx, marks, now, now - stale_after, MIN_STATIONS)
        return len(marks)

    return await store.transact(work)
