"""Drivers' tiers, kept as their fuel comes in and as months pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from loyalty.domain.tiers import (
    BY_WORD,
    TIERS,
    Tier,
    carried_until,
    counted_months,
    month_of,
    months_after,
    next_tier,
    volume_in,
)
from loyalty.repository import tiers as repository
from loyalty.repository.tiers import TierChange
from loyalty.use_cases.context import Loyalty
from schemas.events import TierChangedV1
from servicekit.envelope import to_records
from servicekit.postgres import Connection, append_to_outbox

REVIEW_BATCH = 500
REVIEW_SECONDS = 60.0


async def note_volumes(_: Loyalty, tx: Connection, deltas: Sequence[tuple[str, date, int]], at: datetime) -> None:
    """Adds (driver, month, millilitres) to what counts for drivers, less where it was refunded.

    The month is the UTC month in which the purchase was paid (`domain.tiers.month_of`), however late that is told: the
    twelve months that count are those of now. The caller has locked the drivers' rows of `members`. One round trip, and
    one more where a tier changes.
    """
    now = max(at, datetime.now(UTC))
    if deltas:
        await _tell(tx, await repository.note_volumes(tx, deltas, now), now)


@dataclass(frozen=True, slots=True)
class Standing:
    """A driver's tier and what it rests on; volumes in millilitres."""

    tier: Tier
    since: datetime | None
    """None: nothing was ever bought."""
    volume_ml: int
    months: Mapping[date, int]
    """The twelve that count, the oldest first."""
    kept_until: date | None
    """The last month in which it holds if no more fuel comes; None: it cannot fall."""
    to_keep_ml: int
    """So much more until then, and it holds longer."""
    next: Tier | None
    missing_ml: int
    """To the next tier."""


async def standing(tx: Connection, driver_id: str, now: datetime | None = None) -> Standing:
    """A driver's tier, what keeps it, and what is missing to the next."""
    month = month_of(now or datetime.now(UTC))
    word, since = await repository.standing(tx, driver_id) or (TIERS[0].word, None)
    tier, months = BY_WORD[word], await repository.months_of(tx, driver_id)
    volume_ml, until, above = max(0, volume_in(months, month)), carried_until(months, month), next_tier(BY_WORD[word])
    after = volume_in(months, months_after(until, 1)) if until else 0
    return Standing(
        tier, since, volume_ml, {of: months.get(of, 0) for of in counted_months(month)}, until,
        to_keep_ml=max(0, tier.threshold_ml - after) if until else 0, next=above,
        missing_ml=max(0, above.threshold_ml - volume_ml) if above else 0,
    )  # fmt: skip


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
