"""What is taken of campaigns: of the budget in all, and by each driver. Reserved and spent count together.

Whoever takes or gives back something of several campaigns does so in the order of their ids, as the last thing of the
transaction: the rows of a popular campaign are then locked for a moment only, and nobody waits in a circle.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.postgres import Connection


async def take(tx: Connection, campaign_id: UUID, driver_id: str, *, at: datetime, amount_minor: int = 0) -> bool:
    """Takes one use, and so much of the budget; False, and nothing is taken, where it does not hold or is used up."""
    query = "SELECT use_campaign($1, $2, $3, $4)"
    return bool(await tx.fetchval(query, campaign_id, driver_id, amount_minor, at))


async def take_anyway(tx: Connection, campaign_id: UUID, driver_id: str, *, amount_minor: int) -> bool | None:
    """Takes it though there may not be so much; whether there was. None where there is no such campaign.

    Without a driver's id it counts in all, and for nobody.
    """
    row = await tx.fetchrow(
        """WITH own AS (
               INSERT INTO campaign_drivers AS d (campaign_id, driver_id, used_minor, uses)
               SELECT campaign_id, $2, $3, 1 FROM campaigns WHERE campaign_id = $1 AND $2 <> ''
               ON CONFLICT (campaign_id, driver_id) DO UPDATE
               SET (used_minor, uses) = (d.used_minor + excluded.used_minor, d.uses + 1)
               RETURNING uses
           ), total AS (
               INSERT INTO campaign_use AS u (campaign_id, used_minor, uses)
               SELECT campaign_id, $3, 1 FROM campaigns WHERE campaign_id = $1
               ON CONFLICT (campaign_id) DO UPDATE
               SET (used_minor, uses) = (u.used_minor + excluded.used_minor, u.uses + 1)
               RETURNING used_minor, uses
           )
           SELECT (t.used_minor <= c.budget_minor) IS NOT FALSE AND (t.uses <= c.most_uses) IS NOT FALSE
                  AND ((SELECT uses FROM own) <= c.uses_per_driver) IS NOT FALSE AS within
           FROM campaigns c, total t WHERE c.campaign_id = $1""",
        campaign_id, driver_id, amount_minor,
    )  # fmt: skip
    return row["within"] if row else None


async def uses_of(tx: Connection, campaign_id: UUID, driver_id: str) -> int:
    """How often a driver took something of a campaign."""
    uses: int | None = await tx.fetchval(
        "SELECT uses FROM campaign_drivers WHERE (campaign_id, driver_id) = ($1, $2)", campaign_id, driver_id
    )
    return uses or 0


async def give_back(tx: Connection, campaign_id: UUID, driver_id: str, *, amount_minor: int = 0) -> None:
    """One use less, and so much of the budget is there again."""
    await tx.execute(
        """WITH own AS (
               UPDATE campaign_drivers SET used_minor = greatest(0, used_minor - $3), uses = greatest(0, uses - 1)
               WHERE (campaign_id, driver_id) = ($1, $2)
           )
           UPDATE campaign_use SET used_minor = greatest(0, used_minor - $3), uses = greatest(0, uses - 1)
           WHERE campaign_id = $1""",
        campaign_id, driver_id, amount_minor,
    )  # fmt: skip


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """What a driver took counts as taken by the person's other account."""
    await tx.execute(
        """WITH gone AS (DELETE FROM campaign_drivers WHERE driver_id = $1 RETURNING campaign_id, used_minor, uses)
           INSERT INTO campaign_drivers AS d (campaign_id, driver_id, used_minor, uses)
           SELECT campaign_id, $2, used_minor, uses FROM gone ORDER BY campaign_id
           ON CONFLICT (campaign_id, driver_id) DO UPDATE
           SET (used_minor, uses) = (d.used_minor + excluded.used_minor, d.uses + excluded.uses)""",
        driver_id, into,
    )  # fmt: skip


async def of_driver(tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """What a driver took of campaigns."""
    rows = await tx.fetch(
        """SELECT campaign_id, name, used_minor, uses FROM campaign_drivers JOIN campaigns USING (campaign_id)
           WHERE driver_id = $1 AND uses > 0 ORDER BY campaign_id""",
        driver_id,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def forget_driver(tx: Connection, driver_id: str) -> int:
    """Nobody knows any more what the driver took; the campaigns' sums stay. How many campaigns that were."""
    rows = await tx.fetch("DELETE FROM campaign_drivers WHERE driver_id = $1 RETURNING uses", driver_id)
    return sum(row["uses"] > 0 for row in rows)
