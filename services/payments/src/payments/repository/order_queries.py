"""Queries about orders that change nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from payments.domain.order_words import Status
from payments.domain.orders import OPEN, Order
from payments.repository.orders import order_of
from servicekit.postgres import Connection


async def count_open(tx: Connection, driver_id: str) -> int:
    """How many orders of the driver nobody has paid yet."""
    return await tx.fetchval(
        "SELECT count(*) FROM orders WHERE driver_id = $1 AND status = ANY($2)", driver_id, list(OPEN)
    )


async def of_driver(
    tx: Connection, driver_id: str, *, placed_from: datetime | None, placed_to: datetime | None,
    statuses: Sequence[Status] | None, before: UUID | None, limit: int,
) -> list[Order]:  # fmt: skip
    """The driver's orders that were placed within [from, to), the newest first."""
    rows = await tx.fetch(
        """SELECT * FROM orders
           WHERE driver_id = $1 AND ($2::timestamptz IS NULL OR placed_at >= $2)
             AND ($3::timestamptz IS NULL OR placed_at < $3) AND ($4::text[] IS NULL OR status = ANY($4))
             AND ($5::uuid IS NULL OR order_id < $5)
           ORDER BY order_id DESC LIMIT $6""",
        driver_id, placed_from, placed_to, statuses, before, limit,
    )  # fmt: skip
    return [order_of(row) for row in rows]


async def of_station(
    tx: Connection, station_id: UUID, *, statuses: Sequence[Status] | None, pump_id: str | None, before: UUID | None,
    limit: int,
) -> list[Order]:  # fmt: skip
    """The station's orders, the newest first."""
    rows = await tx.fetch(
        """SELECT * FROM orders
           WHERE station_id = $1 AND ($2::text[] IS NULL OR status = ANY($2)) AND ($3::text IS NULL OR pump_id = $3)
             AND ($4::uuid IS NULL OR order_id < $4)
           ORDER BY order_id DESC LIMIT $5""",
        station_id, statuses, pump_id, before, limit,
    )  # fmt: skip
    return [order_of(row) for row in rows]


async def refunds_of(tx: Connection, order_id: UUID) -> list[dict[str, Any]]:
    """What went back, or is on its way, the oldest first; nothing of who decided it."""
    rows = await tx.fetch(
        """SELECT refund_id, amount_minor, volume_ml, method, reason, status, requested_at, settled_at FROM refunds
           WHERE (purpose, purpose_id) = ('order', $1) ORDER BY refund_id""",
        order_id,
    )
    return [dict(row) for row in rows]
