"""Queries about drivers' rows, the one lock of each driver."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from servicekit.postgres import Connection


async def lock(tx: Connection, *driver_ids: str) -> dict[str, str]:
    """Takes the drivers' turns until the transaction ends, in one order everywhere, and adds who is new; their tiers.

    Whoever changes a driver's points, or what hangs on them, does this first.
    """
    wanted = sorted(set(driver_ids))
    found = await _lock(tx, wanted)
    if len(found) < len(wanted):
        await tx.execute(
            "INSERT INTO members (driver_id) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING",
            [driver_id for driver_id in wanted if driver_id not in found],
        )
        found = await _lock(tx, wanted)
    return found


async def _lock(tx: Connection, driver_ids: Sequence[str]) -> dict[str, str]:
    rows = await tx.fetch(
        "SELECT driver_id, tier FROM members WHERE driver_id = ANY($1) ORDER BY driver_id FOR UPDATE", driver_ids
    )
    return dict(rows)


async def tier_of(tx: Connection, driver_id: str) -> str:
    """A driver's tier; everybody is a member."""
    return await tx.fetchval("SELECT tier FROM members WHERE driver_id = $1", driver_id) or "member"


async def note_joined(tx: Connection, driver_ids: Sequence[str], moments: Sequence[datetime]) -> None:
    """Remembers since when drivers have accounts; of several moments the first counts. Who was erased is passed by."""
    await tx.execute(
        """INSERT INTO members (driver_id, joined_at)
           SELECT driver_id, min(joined_at) FROM unnest($1::text[], $2::timestamptz[]) AS j (driver_id, joined_at)
           WHERE NOT EXISTS (SELECT FROM erasures WHERE subject = driver_id) GROUP BY 1 ORDER BY 1
           ON CONFLICT (driver_id) DO UPDATE SET joined_at = least(members.joined_at, excluded.joined_at)""",
        list(driver_ids), list(moments),
    )  # fmt: skip


class BirthMonth(NamedTuple):
    """The month that a driver told (1 to 12), and when."""

    month: int
    set_at: datetime


async def birth_month_of(tx: Connection, driver_id: str) -> BirthMonth | None:
    """What a driver told; None: nothing."""
    row = await tx.fetchrow(
        "SELECT birth_month, birth_month_set_at FROM members WHERE driver_id = $1 AND birth_month IS NOT NULL",
        driver_id,
    )  # fmt: skip
    return BirthMonth(*row) if row else None


async def save_birth_month(tx: Connection, driver_id: str, told: BirthMonth | None) -> None:
    """Stores what a driver told, whose row is locked; None: it is forgotten."""
    await tx.execute(
        "UPDATE members SET (birth_month, birth_month_set_at) = ($2, $3) WHERE driver_id = $1",
        driver_id, *(told or (None, None)),
    )  # fmt: skip


async def reset(tx: Connection, driver_id: str, tier: str) -> None:
    """What a driver's row says of the person is gone; the tier is this one, of which nobody is told."""
    await tx.execute(
        "UPDATE members SET (tier, birth_month, birth_month_set_at) = ($2, NULL, NULL) WHERE driver_id = $1",
        driver_id, tier,
    )  # fmt: skip


async def drop_unused(tx: Connection, driver_id: str) -> None:
    """Forgets a driver who never had points; else the row stays with the books, under an id."""
    await tx.execute("DELETE FROM members WHERE driver_id = $1 AND version = 0", driver_id)


async def membership_of(tx: Connection, driver_id: str) -> dict[str, Any] | None:
    """What a driver's row says of the person."""
    row = await tx.fetchrow(
        "SELECT joined_at, tier, tier_since, birth_month, birth_month_set_at FROM members WHERE driver_id = $1",
        driver_id,
    )  # fmt: skip
    return dict(row) if row else None
