"""Queries about drivers' orders of gifts."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from loyalty.domain.gifts import GiftOrder, GiftOrderStatus, GiftStep, GiftWay
from servicekit.postgres import Connection

COLUMNS = tuple(one.name for one in fields(GiftOrder))


async def insert(tx: Connection, order: GiftOrder) -> None:
    """Stores a new order."""
    places = ", ".join(f"${place}" for place in range(1, len(COLUMNS) + 1))
    await tx.execute(
        f"INSERT INTO gift_orders ({', '.join(COLUMNS)}) VALUES ({places})",  # noqa: S608 -- our own names
        *(getattr(order, name) for name in COLUMNS),
    )  # fmt: skip


async def insert_step(
    tx: Connection, order: GiftOrder, step: GiftStep | str, actor: str, at: datetime, details: Mapping[str, Any]
) -> None:
    """Stores who did what about an order; `order` is as it was left."""
    await tx.execute(
        """INSERT INTO gift_order_steps (gift_order_id, version, step, actor, at, details)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        order.gift_order_id, order.version, step, actor, at, msgspec.json.encode(details).decode(),
    )  # fmt: skip


async def find(tx: Connection, gift_order_id: UUID) -> GiftOrder | None:
    """The order."""
    return _order(await tx.fetchrow("SELECT * FROM gift_orders WHERE gift_order_id = $1", gift_order_id))


async def lock(tx: Connection, gift_order_id: UUID) -> GiftOrder | None:
    """The order, which nobody else can change until the transaction ends. Lock its driver's row before it."""
    return _order(await tx.fetchrow("SELECT * FROM gift_orders WHERE gift_order_id = $1 FOR UPDATE", gift_order_id))


async def update(tx: Connection, order: GiftOrder) -> None:
    """Writes an order that the transaction has locked."""
    await tx.execute(
        """UPDATE gift_orders SET (version, status, station_id, address, ready_at, handed_over_at, ended_at, expires_at)
               = ($2, $3, $4, $5, $6, $7, $8, $9)
           WHERE gift_order_id = $1""",
        order.gift_order_id, order.version, order.status, order.station_id, order.address, order.ready_at,
        order.handed_over_at, order.ended_at, order.expires_at,
    )  # fmt: skip


async def of_key(tx: Connection, key: str) -> UUID | None:
    """The order that was given for a key."""
    return await tx.fetchval("SELECT gift_order_id FROM gift_orders WHERE key = $1", key)


async def count_of(tx: Connection, driver_id: str, gift_id: UUID) -> int:
    """How many of a gift a driver has ordered and not given back; what was given for nothing does not count."""
    count = await tx.fetchval(
        """SELECT count(*) FROM gift_orders
           WHERE (driver_id, gift_id) = ($1, $2) AND key IS NULL AND NOT status IN ('cancelled', 'expired', 'returned')
        """,
        driver_id, gift_id,
    )  # fmt: skip
    return count or 0


async def of_driver(
    tx: Connection, driver_id: str, before: UUID | None = None, limit: int | None = None
) -> list[GiftOrder]:
    """A driver's orders, the newest first, from before one of them on."""
    return _orders(await tx.fetch(
        """SELECT * FROM gift_orders WHERE driver_id = $1 AND ($2::uuid IS NULL OR gift_order_id < $2)
           ORDER BY gift_order_id DESC LIMIT $3""",
        driver_id, before, limit,
    ))  # fmt: skip


async def at_station(
    tx: Connection, station_id: UUID, statuses: Sequence[GiftOrderStatus], before: UUID | None, limit: int
) -> list[GiftOrder]:
    """Orders that are picked up at a station, the newest first."""
    return _orders(await tx.fetch(
        """SELECT * FROM gift_orders
           WHERE station_id = $1 AND status = ANY($2) AND ($3::uuid IS NULL OR gift_order_id < $3)
           ORDER BY gift_order_id DESC LIMIT $4""",
        station_id, list(statuses), before, limit,
    ))  # fmt: skip


async def to_deliver(tx: Connection, operator: str, after: UUID | None, limit: int) -> list[GiftOrder]:
    """An operator's orders that are on their way to a driver, or are to be: the oldest first."""
    return _orders(await tx.fetch(
        """SELECT * FROM gift_orders
           WHERE operator = $1 AND how = 'delivery' AND status IN ('placed', 'ready', 'shipped')
               AND ($2::uuid IS NULL OR gift_order_id > $2)
           ORDER BY gift_order_id LIMIT $3""",
        operator, after, limit,
    ))  # fmt: skip


async def open_of(tx: Connection, driver_id: str) -> list[UUID]:
    """A driver's orders whose gift is promised and not yet handed over."""
    rows = await tx.fetch(
        "SELECT gift_order_id FROM gift_orders WHERE driver_id = $1 AND status IN ('placed', 'ready')", driver_id
    )
    return [row["gift_order_id"] for row in rows]


async def not_picked_up(tx: Connection, at: datetime, limit: int) -> list[UUID]:
    """Orders whose time to be picked up is over."""
    rows = await tx.fetch(
        """SELECT gift_order_id FROM gift_orders WHERE status IN ('placed', 'ready') AND expires_at <= $1
           ORDER BY expires_at LIMIT $2""",
        at, limit,
    )  # fmt: skip
    return [row["gift_order_id"] for row in rows]


async def with_address(tx: Connection, driver_id: str) -> list[tuple[UUID, bytes]]:
    """(order, sealed address) of a driver's deliveries that are not done."""
    rows = await tx.fetch(
        "SELECT gift_order_id, address FROM gift_orders WHERE driver_id = $1 AND address IS NOT NULL", driver_id
    )
    return [(row["gift_order_id"], row["address"]) for row in rows]


async def set_address(tx: Connection, gift_order_id: UUID, sealed: bytes | None) -> None:
    """Puts another sealed address into the place of an order's."""
    await tx.execute("UPDATE gift_orders SET address = $2 WHERE gift_order_id = $1", gift_order_id, sealed)


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's orders to the person's other account."""
    await tx.execute("UPDATE gift_orders SET driver_id = $2 WHERE driver_id = $1", driver_id, into)


def _orders(rows: Sequence[Mapping[str, Any]]) -> list[GiftOrder]:
    return [order for row in rows if (order := _order(row))]


def _order(row: Mapping[str, Any] | None) -> GiftOrder | None:
    if row is None:
        return None
    values = {name: row[name] for name in COLUMNS}
    return GiftOrder(**values | {"status": GiftOrderStatus(row["status"]), "how": GiftWay(row["how"])})
