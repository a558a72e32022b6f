"""Drivers' tiers, kept as their fuel comes in and as months pass."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from loyalty.domain.tiers import month_of
from loyalty.repository import tiers as repository
from loyalty.repository.tiers import TierChange
from loyalty.use_cases.context import Loyalty
from schemas.events import TierChangedV1
from servicekit.envelope import to_records
from servicekit.postgres import Connection, append_to_outbox

REVIEW_BATCH = 500
REVIEW_SECONDS = 60.0


async def note_volumes(_: Loyalty, tx: Connection, deltas: Sequence[tuple[str, date, int]], at: datetime) -> None:
    """Adds (driver, month, millilitres) to what counts for drivers, less where it was refunded; `at` is now.

    The month is the UTC month in which the purchase was paid (`domain.tiers.month_of`), however late that is told. The
    caller has locked the drivers' rows of `members`. One round trip, and one more where a tier changes.
    """
    if deltas:
        await _tell(tx, await repository.note_volumes(tx, deltas, at), at)


async def review_tiers(loyalty: Loyalty, now: datetime | None = None) -> None:
    """Works out anew, once in each month, the tiers that may have fallen since the month before."""
    while await loyalty.store.transact(lambda tx: _review_some(tx, now or datetime.now(UTC))):
        pass


async def _review_some(tx: Connection, now: datetime) -> int:
    month = month_of(now)
    drivers = await repository.lock_to_review(tx, month, REVIEW_BATCH)
    if drivers:
        await _tell(tx, await repository.note_volumes(tx, [(one, month, 0) for one in drivers], now), now)
    return len(drivers)


async def _tell(tx: Connection, changes: Sequence[TierChange], at: datetime) -> None:
    await append_to_outbox(tx, to_records([
        TierChangedV1(
            driver_id=one.driver_id, tier=one.tier, previous_tier=one.previous, volume_ml=one.volume_ml, occurred_at=at
        )
        for one in changes
    ]))  # fmt: skip
