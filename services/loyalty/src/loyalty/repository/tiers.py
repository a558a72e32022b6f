"""Queries about tiers and the fuel that makes them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from loyalty.domain.tiers import TIERS, first_counted, month_of
from servicekit.postgres import Connection

_WORDS = [tier.word for tier in TIERS]
_THRESHOLDS = [tier.threshold_ml for tier in TIERS]


class TierChange(NamedTuple):
    """A driver's tier before and after, and the fuel that counts."""

    driver_id: str
    previous: str
    tier: str
    volume_ml: int


async def note_volumes(tx: Connection, deltas: Sequence[tuple[str, date, int]], at: datetime) -> list[TierChange]:
    """Adds fuel to drivers' months and gives each the tier that follows; those whose tier is now another one.

    The caller has locked the drivers' rows of `members`: what others added is then seen. Who has no row is passed by.
    """
    month = month_of(at)
    rows = await tx.fetch(
        """WITH deltas AS (
               SELECT driver_id, month, sum(delta_ml)::bigint AS delta_ml
               FROM unnest($1::text[], $2::date[], $3::bigint[]) AS d (driver_id, month, delta_ml)
               JOIN members USING (driver_id) GROUP BY 1, 2
           ), noted AS (
               INSERT INTO member_months SELECT * FROM deltas WHERE delta_ml <> 0 ORDER BY driver_id, month
               ON CONFLICT (driver_id, month) DO UPDATE SET volume_ml = member_months.volume_ml + excluded.volume_ml
           ), volumes AS (
               SELECT driver_id, sum(volume_ml) FILTER (WHERE month >= $4) AS volume_ml FROM (
                   SELECT driver_id, month, delta_ml AS volume_ml FROM deltas UNION ALL
                   SELECT * FROM member_months WHERE driver_id IN (SELECT driver_id FROM deltas)
               ) AS parts GROUP BY 1
           ), reached AS (
               SELECT m.driver_id, m.tier AS previous, greatest(volume_ml, 0)::bigint AS volume_ml,
                   (SELECT word FROM unnest($5::text[], $6::bigint[]) AS t (word, threshold_ml)
                    WHERE threshold_ml <= greatest(volume_ml, 0) ORDER BY threshold_ml DESC LIMIT 1) AS tier
               FROM volumes v JOIN members m USING (driver_id)
           ), changed AS (
               UPDATE members m
               SET tier = r.tier, tier_month = $7,
                   tier_since = CASE WHEN m.tier = r.tier THEN m.tier_since ELSE $8 END
               FROM reached r WHERE m.driver_id = r.driver_id AND (m.tier <> r.tier OR m.tier_month <> $7)
           )
           SELECT driver_id, previous, tier, volume_ml FROM reached WHERE tier <> previous ORDER BY driver_id""",
        *map(list, zip(*deltas, strict=True)), first_counted(month), _WORDS, _THRESHOLDS, month, at,
    )  # fmt: skip
    return [TierChange(*row) for row in rows]


async def lock_to_review(tx: Connection, month: date, limit: int) -> list[str]:
    """Drivers above the lowest tier whose tier was not yet worked out in this month, locked; others' are passed by."""
    rows = await tx.fetch(
        """SELECT driver_id FROM members WHERE tier <> $1 AND tier_month < $2
           ORDER BY driver_id LIMIT $3 FOR UPDATE SKIP LOCKED""",
        TIERS[0].word, month, limit,
    )  # fmt: skip
    return [row["driver_id"] for row in rows]


async def standing(tx: Connection, driver_id: str) -> tuple[str, datetime] | None:
    """A driver's tier and since when; None where nothing was ever bought."""
    row = await tx.fetchrow("SELECT tier, tier_since FROM members WHERE driver_id = $1", driver_id)
    return (row["tier"], row["tier_since"]) if row else None


async def months_of(tx: Connection, driver_id: str) -> dict[date, int]:
    """How much of a driver's fuel counts, by month."""
    rows = await tx.fetch("SELECT month, volume_ml FROM member_months WHERE driver_id = $1 ORDER BY month", driver_id)
    return {row["month"]: row["volume_ml"] for row in rows}


async def delete_months(tx: Connection, driver_id: str) -> int:
    """Deletes a driver's months; how many."""
    return int((await tx.execute("DELETE FROM member_months WHERE driver_id = $1", driver_id)).split()[-1])
