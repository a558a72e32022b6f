"""Queries about shifts and what belongs to each."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.shifts import Left, Refunds, Sales, Shift
from servicekit.postgres import Connection

# Of what may belong to a shift, $1 is the station and $2 the earliest moment.
_ORDERS = """SELECT order_id FROM orders o WHERE station_id = $1 AND paid_at >= $2 AND NOT EXISTS (
                 SELECT FROM shift_entries e WHERE (e.kind, e.entry_id) = ('order', o.order_id))"""
_REFUNDS = """SELECT refund_id FROM refunds r JOIN orders o ON o.order_id = r.purpose_id
              WHERE r.purpose = 'order' AND r.status = 'succeeded' AND r.settled_at >= $2 AND o.station_id = $1
                    AND NOT EXISTS (
                        SELECT FROM shift_entries e WHERE (e.kind, e.entry_id) = ('refund', r.refund_id))"""
_OF_SHIFT = "SELECT entry_id FROM shift_entries WHERE shift_id = $1 AND kind = $2"


async def insert(tx: Connection, shift: Shift) -> bool:
    """Opens a shift; False where the station has an open one."""
    fresh = await tx.fetchval(
        """INSERT INTO shifts (shift_id, station_id, operator, currency, opened_by, opened_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (station_id) WHERE closed_at IS NULL DO NOTHING RETURNING true""",
        shift.shift_id, shift.station_id, shift.operator, shift.currency, shift.opened_by, shift.opened_at,
    )  # fmt: skip
    return bool(fresh)


async def open_shift(tx: Connection, station_id: UUID) -> Shift | None:
    """The station's open shift."""
    return _shift(await tx.fetchrow("SELECT * FROM shifts WHERE station_id = $1 AND closed_at IS NULL", station_id))


async def find(tx: Connection, shift_id: UUID) -> Shift | None:
    """The shift."""
    return _shift(await tx.fetchrow("SELECT * FROM shifts WHERE shift_id = $1", shift_id))


async def lock(tx: Connection, shift_id: UUID) -> Shift | None:
    """The shift, which nobody else can close until the transaction ends."""
    return _shift(await tx.fetchrow("SELECT * FROM shifts WHERE shift_id = $1 FOR UPDATE", shift_id))


async def of_station(tx: Connection, station_id: UUID, before: UUID | None, limit: int) -> list[Shift]:
    """The station's shifts, the newest first, from before one of them on."""
    rows = await tx.fetch(
        """SELECT * FROM shifts WHERE station_id = $1 AND ($2::uuid IS NULL OR shift_id < $2)
           ORDER BY shift_id DESC LIMIT $3""",
        station_id, before, limit,
    )  # fmt: skip
    return [shift for row in rows if (shift := _shift(row))]


async def first_opened_at(tx: Connection, station_id: UUID) -> datetime:
    """Since when the station keeps shifts; it has one."""
    (row,) = await tx.fetch("SELECT min(opened_at) AS opened_at FROM shifts WHERE station_id = $1", station_id)
    return row["opened_at"]


async def claim(tx: Connection, shift: Shift, since: datetime) -> None:
    """Makes the shift's all that no shift has yet; a row that another close takes first is left to it."""
    for kind, ids in (("order", _ORDERS), ("refund", _REFUNDS)):
        await tx.execute(
            f"""INSERT INTO shift_entries (kind, entry_id, shift_id) SELECT $3, id, $4 FROM ({ids}) AS n (id)
                ON CONFLICT DO NOTHING""",  # noqa: S608 -- our own text
            shift.station_id, since, kind, shift.shift_id,
        )  # fmt: skip


async def claimed(tx: Connection, shift: Shift) -> tuple[list[Sales], list[Refunds]]:
    """What is the shift's, once it was claimed."""
    return (
        await _sales(tx, _OF_SHIFT, shift.shift_id, "order"),
        await _refunds(tx, _OF_SHIFT, shift.shift_id, "refund"),
    )


async def unclaimed(tx: Connection, shift: Shift, since: datetime) -> tuple[list[Sales], list[Refunds]]:
    """What would be the shift's if it were closed now."""
    return await _sales(tx, _ORDERS, shift.station_id, since), await _refunds(tx, _REFUNDS, shift.station_id, since)


async def left(tx: Connection, station_id: UUID) -> Left:
    """What the station has to see to now."""
    row = await tx.fetchrow(
        """SELECT count(*) AS orders, coalesce(sum(greatest(0, gross_minor - discount_minor)), 0)::bigint AS minor,
                  (SELECT count(*) FROM exceptions
                   WHERE station_id = $1 AND status IN ('open', 'proposed')) AS exceptions
           FROM orders WHERE station_id = $1 AND dispensed_at IS NOT NULL
                AND status IN ('confirmed', 'adjusted', 'paying', 'unknown')""",
        station_id,
    )
    assert row is not None  # noqa: S101 - a count always has a row
    return Left(row["orders"], row["minor"], row["exceptions"])


async def close(tx: Connection, shift: Shift) -> None:
    """Stores the close of a shift that the caller has locked."""
    await tx.execute(
        "UPDATE shifts SET (closed_by, closed_at, counted, summary) = ($2, $3, $4, $5) WHERE shift_id = $1",
        shift.shift_id, shift.closed_by, shift.closed_at, msgspec.json.encode(shift.counted).decode(),
        msgspec.json.encode(shift.summary).decode(),
    )  # fmt: skip


async def _sales(tx: Connection, ids: str, *arguments: Any) -> list[Sales]:
    rows = await tx.fetch(
        f"""SELECT pump_id, fuel, coalesce(method, 'none') AS method, count(*) AS orders,
                   coalesce(sum(volume_ml), 0)::bigint AS volume_ml,
                   coalesce(sum(gross_minor), 0)::bigint AS gross_minor, sum(discount_minor)::bigint AS discount_minor,
                   sum(paid_minor)::bigint AS paid_minor
            FROM orders WHERE order_id IN ({ids}) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",  # noqa: S608 -- our own text
        *arguments,
    )
    return [Sales(**row) for row in rows]


async def _refunds(tx: Connection, ids: str, *arguments: Any) -> list[Refunds]:
    rows = await tx.fetch(
        f"""SELECT method, count(*) AS refunds, sum(amount_minor)::bigint AS refunded_minor
            FROM refunds WHERE refund_id IN ({ids}) GROUP BY 1 ORDER BY 1""",  # noqa: S608 -- our own text
        *arguments,
    )
    return [Refunds(**row) for row in rows]


def _shift(row: Any) -> Shift | None:
    if row is None:
        return None
    values = dict(row)
    for name in ("counted", "summary"):
        values[name] = msgspec.json.decode(row[name]) if row[name] else None
    return Shift(**values)
