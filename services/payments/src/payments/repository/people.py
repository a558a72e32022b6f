"""Queries about everything that names one person."""

from typing import Any

from servicekit.postgres import Connection


async def orders_of(_: Any, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """A driver's orders."""
    rows = await tx.fetch(
        """SELECT order_id, station_id, pump_id, fuel, mode, status, price_mills, currency, volume_ml, gross_minor,
                  discount_minor, paid_minor, refunded_minor, method, card_id, vehicle_id, odometer_km, placed_at,
                  paid_at
           FROM orders WHERE driver_id = $1 ORDER BY order_id""",
        driver_id,
    )
    return [dict(row) for row in rows]


async def move_orders(_: Any, tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's orders to the driver's other account."""
    await tx.execute("UPDATE orders SET driver_id = $2 WHERE driver_id = $1", driver_id, into)


async def delete_replies(tx: Connection, caller: str) -> int:
    """Deletes the replies that are kept for a caller who asks the same again; returns how many there were."""
    rows = await tx.fetch("DELETE FROM idempotency_keys WHERE caller = $1 RETURNING 1", caller)
    return len(rows)
