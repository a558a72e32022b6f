"""Who may ask loyalty for an order's coupons and points just now: one at a time, for a while."""

from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection


async def take(tx: Connection, order_id: UUID, at: datetime, until: datetime) -> bool:
    """Whether the claim is ours; another's ends by itself."""
    taken = await tx.fetchval(
        """INSERT INTO reservation_claims (order_id, until) VALUES ($1, $3)
           ON CONFLICT (order_id) DO UPDATE SET until = excluded.until WHERE reservation_claims.until < $2
           RETURNING true""",
        order_id, at, until,
    )  # fmt: skip
    return bool(taken)


async def drop(tx: Connection, order_id: UUID) -> None:
    """The claim is over."""
    await tx.execute("DELETE FROM reservation_claims WHERE order_id = $1", order_id)
