"""Queries about reservations. Whoever changes one has locked its driver."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from loyalty.domain.pricing import Part
from loyalty.domain.reservations import Reservation, Status
from servicekit.postgres import Connection

_PARTS = msgspec.json.Decoder(tuple[Part, ...])


async def insert(tx: Connection, reservation: Reservation) -> bool:
    """Stores a new one; False where the id is known, another driver's."""
    done = await tx.execute(
        """INSERT INTO reservations (reservation_id, order_id, driver_id, station_id, request_hash, status, breakdown,
                                     currency, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (reservation_id) DO NOTHING""",
        reservation.reservation_id, reservation.order_id, reservation.driver_id, reservation.station_id,
        reservation.request_hash, reservation.status, msgspec.json.encode(reservation.parts).decode(),
        reservation.currency, reservation.expires_at,
    )  # fmt: skip
    return done == "INSERT 0 1"


async def settle(tx: Connection, moments: Mapping[UUID, datetime], status: Status) -> None:
    """They become something else, each at its moment."""
    if moments:
        await tx.execute(
            """UPDATE reservations r SET (status, settled_at) = ($3, at)
               FROM unnest($1::uuid[], $2::timestamptz[]) AS m (id, at) WHERE reservation_id = id""",
            list(moments), list(moments.values()), status,
        )  # fmt: skip


async def by_ids(tx: Connection, reservation_ids: Iterable[UUID]) -> dict[UUID, Reservation]:
    """Those that are known."""
    rows = await tx.fetch("SELECT * FROM reservations WHERE reservation_id = ANY($1)", list(reservation_ids))
    return {row["reservation_id"]: _reservation(row) for row in rows}


async def of_paid(tx: Connection, reservation_ids: Iterable[UUID], order_ids: Iterable[UUID]) -> list[Reservation]:
    """Those of these ids, and those that are held for these orders."""
    rows = await tx.fetch(
        "SELECT * FROM reservations WHERE reservation_id = ANY($1) OR (order_id = ANY($2) AND status = 'held')",
        list(reservation_ids), list(order_ids),
    )  # fmt: skip
    return [_reservation(row) for row in rows]


async def of_orders(tx: Connection, order_ids: Iterable[UUID], status: Status) -> list[Reservation]:
    """Those of some orders that have this status, by their drivers."""
    rows = await tx.fetch(
        "SELECT * FROM reservations WHERE order_id = ANY($1) AND status = $2 ORDER BY driver_id, reservation_id",
        list(order_ids), status,
    )  # fmt: skip
    return [_reservation(row) for row in rows]


async def held_of_driver(tx: Connection, driver_id: str) -> list[Reservation]:
    """What is held for a driver."""
    rows = await tx.fetch("SELECT * FROM reservations WHERE driver_id = $1 AND status = 'held'", driver_id)
    return [_reservation(row) for row in rows]


class Due(NamedTuple):
    """A reservation whose time is over."""

    expires_at: datetime
    reservation_id: UUID
    driver_id: str


async def due(tx: Connection, at: datetime, limit: int, after: Due | None) -> list[Due]:
    """Those whose time is over, the oldest first, from after one of them on."""
    rows = await tx.fetch(
        """SELECT expires_at, reservation_id, driver_id FROM reservations
           WHERE status = 'held' AND expires_at <= $1
                 AND ($3::timestamptz IS NULL OR (expires_at, reservation_id) > ($3, $4))
           ORDER BY expires_at, reservation_id LIMIT $2""",
        at, limit, after.expires_at if after else None, after.reservation_id if after else None,
    )  # fmt: skip
    return [Due(*row) for row in rows]


async def is_free(tx: Connection, driver_id: str) -> bool:
    """Locks a driver unless somebody else has; whether it is ours."""
    return bool(await tx.fetch("SELECT FROM members WHERE driver_id = $1 FOR UPDATE SKIP LOCKED", driver_id))


async def paid_before(tx: Connection, order_ids: Iterable[UUID]) -> set[UUID]:
    """Of some orders those whose payment was told already."""
    rows = await tx.fetch(
        "SELECT order_id FROM purchases WHERE order_id = ANY($1) AND paid_at IS NOT NULL", list(order_ids)
    )
    return {row["order_id"] for row in rows}


async def refunded_before(tx: Connection, paid: Mapping[UUID, int]) -> set[UUID]:
    """Of orders that were paid so much, in minor units, those of which all has gone back already."""
    rows = await tx.fetch(
        """SELECT order_id FROM purchases JOIN unnest($1::uuid[], $2::bigint[]) AS p (order_id, paid) USING (order_id)
           WHERE refunded_minor > 0 AND refunded_minor >= paid""",
        list(paid), list(paid.values()),
    )  # fmt: skip
    return {row["order_id"] for row in rows}


async def all_of(tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """All of a driver's."""
    rows = await tx.fetch(
        """SELECT reservation_id, order_id, status, breakdown, currency, expires_at, created_at FROM reservations
           WHERE driver_id = $1 ORDER BY reservation_id""",
        driver_id,
    )
    return [dict(row) | {"breakdown": msgspec.json.decode(row["breakdown"])} for row in rows]


async def forget_driver(tx: Connection, driver_id: str) -> int:
    """Deletes a driver's; how many there were."""
    return len(await tx.fetch("DELETE FROM reservations WHERE driver_id = $1 RETURNING 1", driver_id))


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """A driver's are another account's."""
    await tx.execute("UPDATE reservations SET driver_id = $2 WHERE driver_id = $1", driver_id, into)


def _reservation(row: Mapping[str, Any]) -> Reservation:
    return Reservation(
        row["reservation_id"], row["order_id"], row["driver_id"], row["station_id"], Status(row["status"]),
        _PARTS.decode(row["breakdown"]), row["currency"], row["expires_at"], row["request_hash"],
    )  # fmt: skip
