"""Queries about stamps. One counts as long as its order was not refunded whole; on a full card it has done its work."""

from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.postgres import Connection

_COUNTS = """s.card IS NULL AND NOT EXISTS (SELECT FROM purchases p
    WHERE p.order_id = s.order_id AND p.refunded_minor > 0 AND p.refunded_minor >= p.paid_minor)"""


async def insert(tx: Connection, campaign_id: UUID, order_id: UUID, driver_id: str, at: datetime) -> None:
    """A stamp for an order; it has one of each campaign."""
    await tx.execute(
        """INSERT INTO stamps (campaign_id, order_id, driver_id, stamped_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING""",
        campaign_id, order_id, driver_id, at,
    )  # fmt: skip


async def loose(tx: Connection, campaign_id: UUID, driver_id: str, limit: int) -> list[UUID]:
    """Orders whose stamps count and are on no full card yet, the oldest first."""
    rows = await tx.fetch(
        f"""SELECT order_id FROM stamps s WHERE (driver_id, campaign_id) = ($1, $2) AND {_COUNTS}
            ORDER BY stamped_at, order_id LIMIT $3""",  # noqa: S608 -- our own condition
        driver_id, campaign_id, limit,
    )  # fmt: skip
    return [row["order_id"] for row in rows]


async def put_on_card(tx: Connection, campaign_id: UUID, order_ids: list[UUID], card: int) -> None:
    """These stamps make a full card."""
    await tx.execute(
        "UPDATE stamps SET card = $3 WHERE campaign_id = $1 AND order_id = ANY($2)", campaign_id, order_ids, card
    )


async def cards_of(tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """A driver's cards, one for each campaign: stamps on the present one, how many there were before."""
    rows = await tx.fetch(
        f"""SELECT c.campaign_id, c.name, c.operator, c.status, c.ends_at, (c.benefit->>'stamps')::int AS needed,
                   count(*) FILTER (WHERE {_COUNTS}) AS stamps,
                   count(DISTINCT s.card) AS full_cards
            FROM stamps s JOIN campaigns c USING (campaign_id) WHERE s.driver_id = $1
            GROUP BY c.campaign_id ORDER BY c.campaign_id DESC LIMIT 1000""",  # noqa: S608 -- as above
        driver_id,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def of_driver(tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """A driver's stamps."""
    rows = await tx.fetch(
        "SELECT campaign_id, order_id, stamped_at, card FROM stamps WHERE driver_id = $1 ORDER BY stamped_at", driver_id
    )
    return [dict(row) for row in rows]


async def delete(tx: Connection, driver_id: str) -> int:
    """A driver's stamps are gone; how many there were."""
    rows = await tx.fetch("DELETE FROM stamps WHERE driver_id = $1 RETURNING order_id", driver_id)
    return len(rows)


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's stamps to the person's other account."""
    await tx.execute("UPDATE stamps SET driver_id = $2 WHERE driver_id = $1", driver_id, into)
