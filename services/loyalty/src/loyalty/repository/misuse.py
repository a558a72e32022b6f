"""Queries about what looks like misuse, and about devices."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from loyalty.domain.misuse import DAY, Fill, Finding, FlagKind, FlagStatus
from servicekit.ids import new_id
from servicekit.postgres import Connection

MOST_DEVICES = 50
"""That are remembered of one driver, the latest."""


class Flag(msgspec.Struct, frozen=True):
    """A flag as it is kept; `note` is sealed."""

    flag_id: UUID
    kind: FlagKind
    driver_id: str
    friend_id: str | None
    order_id: UUID | None
    details: dict[str, Any]
    status: FlagStatus
    made_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    note: bytes | None


async def raise_flags(
    tx: Connection, findings: Sequence[Finding], at: datetime
) -> tuple[list[FlagKind], list[FlagStatus]]:
    """Flags what was not flagged before: the kinds of these, and what people said of all of them."""
    rows = [
        (
            new_id(), one.key, one.kind, one.driver_id, one.friend_id, one.order_id,
            msgspec.json.encode(one.details).decode(),
        )
        for one in findings
    ]  # fmt: skip
    added = await tx.fetch(
        """INSERT INTO misuse_flags (flag_id, key, kind, driver_id, friend_id, order_id, details, made_at)
           SELECT *, $8 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::jsonb[])
           ON CONFLICT (key) DO NOTHING RETURNING kind""",
        *map(list, zip(*rows, strict=True)), at,
    )  # fmt: skip
    known = await tx.fetch("SELECT status FROM misuse_flags WHERE key = ANY($1)", [one.key for one in findings])
    return [FlagKind(row["kind"]) for row in added], [FlagStatus(row["status"]) for row in known]


async def fills_around(tx: Connection, order_id: UUID) -> tuple[str, list[Fill]]:
    """The driver of a paid order, and the driver's fills of the day before it and after it, but refunded ones."""
    rows = await tx.fetch(
        """SELECT p.driver_id, p.order_id, p.station_id, p.paid_at, s.lat, s.lon
           FROM purchases here
           JOIN purchases p
               ON p.driver_id = here.driver_id
               AND p.paid_at BETWEEN here.paid_at - $2::interval AND here.paid_at + $2::interval
           LEFT JOIN station_places s ON s.station_id = p.station_id
           WHERE here.order_id = $1 AND (p.order_id = $1 OR p.refunded_minor < p.paid_minor OR p.paid_minor = 0)""",
        order_id, DAY,
    )  # fmt: skip
    return (rows[0]["driver_id"] if rows else ""), [_fill(row) for row in rows]


async def lock(tx: Connection, flag_id: UUID) -> Flag | None:
    """A flag, locked until the transaction ends."""
    row = await tx.fetchrow("SELECT * FROM misuse_flags WHERE flag_id = $1 FOR UPDATE", flag_id)
    return _flag(row) if row else None


async def page(tx: Connection, status: FlagStatus | None, before: UUID | None, limit: int) -> list[Flag]:
    """Flags of all drivers, the newest first."""
    rows = await tx.fetch(
        """SELECT * FROM misuse_flags WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR flag_id < $2)
           ORDER BY flag_id DESC LIMIT $3""",
        status, before, limit,
    )  # fmt: skip
    return [_flag(row) for row in rows]


async def page_of(tx: Connection, driver_id: str, before: UUID | None, limit: int) -> list[Flag]:
    """A driver's flags, the newest first."""
    rows = await tx.fetch(
        """SELECT * FROM misuse_flags WHERE driver_id = $1 AND ($2::uuid IS NULL OR flag_id < $2)
           ORDER BY flag_id DESC LIMIT $3""",
        driver_id, before, limit,
    )  # fmt: skip
    return [_flag(row) for row in rows]


async def decide(tx: Connection, flag: Flag) -> None:
    """Stores what somebody said of a flag that is locked."""
    await tx.execute(
        "UPDATE misuse_flags SET (status, decided_at, decided_by, note) = ($2, $3, $4, $5) WHERE flag_id = $1",
        flag.flag_id, flag.status, flag.decided_at, flag.decided_by, flag.note,
    )  # fmt: skip


async def statuses_about(tx: Connection, friend_id: str) -> list[FlagStatus]:
    """What was said of all that was seen about a friend's coming."""
    rows = await tx.fetch("SELECT status FROM misuse_flags WHERE friend_id = $1", friend_id)
    return [FlagStatus(row["status"]) for row in rows]


async def note_device(tx: Connection, driver_id: str, hashes: Sequence[bytes], at: datetime) -> list[str]:
    """Remembers a device (its hashes, the current key's first) as a driver's; other drivers who used it.

    The caller has locked the driver.
    """
    await tx.execute(
        """INSERT INTO devices (device_hash, driver_id, seen_at) VALUES ($1, $2, $3)
           ON CONFLICT (device_hash, driver_id) DO UPDATE SET seen_at = excluded.seen_at""",
        hashes[0], driver_id, at,
    )  # fmt: skip
    await tx.execute(
        """DELETE FROM devices WHERE driver_id = $1 AND device_hash IN (
               SELECT device_hash FROM devices WHERE driver_id = $1 ORDER BY seen_at DESC, device_hash OFFSET $2)""",
        driver_id, MOST_DEVICES,
    )  # fmt: skip
    rows = await tx.fetch(
        "SELECT DISTINCT driver_id FROM devices WHERE device_hash = ANY($1) AND driver_id <> $2 ORDER BY 1 LIMIT 100",
        list(hashes), driver_id,
    )  # fmt: skip
    return [row["driver_id"] for row in rows]


async def delete_all(tx: Connection, driver_id: str) -> int:
    """Deletes a driver's flags and devices; how many. Flags about the driver's coming are the inviter's."""
    flags = await tx.execute("DELETE FROM misuse_flags WHERE driver_id = $1", driver_id)
    devices = await tx.execute("DELETE FROM devices WHERE driver_id = $1", driver_id)
    return sum(int(done.split()[-1]) for done in (flags, devices))


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """Gives flags and devices to the driver's other account; notes, which are sealed for this one, are left out."""
    await tx.execute(
        """UPDATE misuse_flags f SET key = replace(key, $1, $2), note = CASE WHEN driver_id <> $1 THEN note END,
               driver_id = CASE driver_id WHEN $1 THEN $2 ELSE driver_id END,
               friend_id = CASE friend_id WHEN $1 THEN $2 ELSE friend_id END
           WHERE $1 IN (driver_id, friend_id)
             AND NOT EXISTS (SELECT FROM misuse_flags other WHERE other.key = replace(f.key, $1, $2))""",
        driver_id, into,
    )  # fmt: skip
    await tx.execute("DELETE FROM misuse_flags WHERE $1 IN (driver_id, friend_id)", driver_id)  # those known twice
    await tx.execute(
        """INSERT INTO devices SELECT device_hash, $2, seen_at FROM devices WHERE driver_id = $1
           ON CONFLICT DO NOTHING""",
        driver_id, into,
    )  # fmt: skip
    await delete_all(tx, driver_id)


def _fill(row: Any) -> Fill:
    place = (row["lat"], row["lon"]) if row["lat"] is not None else None
    return Fill(str(row["order_id"]), str(row["station_id"]), row["paid_at"], place)


def _flag(row: Any) -> Flag:
    fields = {name: row[name] for name in Flag.__struct_fields__ if name not in {"kind", "status", "details"}}
    return Flag(
        kind=FlagKind(row["kind"]),
        status=FlagStatus(row["status"]),
        details=msgspec.json.decode(row["details"]),
        **fields,
    )
