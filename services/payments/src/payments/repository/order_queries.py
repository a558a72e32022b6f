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
    (row,) = await tx.fetch(
        "SELECT count(*) AS open FROM orders WHERE driver_id = $1 AND status = ANY($2)", driver_id, list(OPEN)
    )
    return row["open"]


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


Waiting = tuple[Status, bool, datetime]
"""(status, whether the pump's volume is known, moment): who waits since then, or longer."""


async def due(tx: Connection, waiting: Sequence[Waiting], limit: int) -> list[UUID]:
    """Orders that waited too long, the longest waiting first."""
    rows = await tx.fetch(
        f"SELECT order_id {_DUE} ORDER BY waiting_since LIMIT $4",
        *zip(*waiting, strict=True), limit,
    )  # fmt: skip
    return [row["order_id"] for row in rows]


async def lock_due(tx: Connection, order_id: UUID, waiting: Sequence[Waiting]) -> Order | None:
    """The order, locked, if it still waits too long and nobody else is at it."""
    row = await tx.fetchrow(
        f"SELECT orders.* {_DUE} AND order_id = $4 FOR UPDATE OF orders SKIP LOCKED",
        *zip(*waiting, strict=True), order_id,
    )  # fmt: skip
    return order_of(row) if row else None


async def wait_until(tx: Connection, order_id: UUID, waiting_since: datetime | None) -> None:
    """Lets the order be due again later, or never while it stays as it is: no step, since nothing happened to it."""
    await tx.execute("UPDATE orders SET waiting_since = $2 WHERE order_id = $1", order_id, waiting_since)


_DUE = """FROM orders JOIN unnest($1::text[], $2::boolean[], $3::timestamptz[]) AS w (status, is_dispensed, since)
    ON orders.status = w.status AND (orders.dispensed_at IS NOT NULL) = w.is_dispensed
    WHERE orders.waiting_since <= w.since"""
