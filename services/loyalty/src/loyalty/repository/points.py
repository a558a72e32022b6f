"""Queries of the ledger of points."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from loyalty.domain.points import Entry, Lot
from loyalty.repository import members
from servicekit.postgres import Connection


class Member(NamedTuple):
    """Who a driver is now: the same, or the account that it was merged into."""

    driver_id: str
    tier: str


@dataclass(frozen=True, slots=True)
class Posted:
    """What an entry did to its driver's account."""

    version: int
    balance: int


async def lock_owners(tx: Connection, driver_ids: Iterable[str]) -> dict[str, Member]:
    """Locks the members that these drivers are now, as `members.lock` does; who was erased is missing.

    An erasure and a merge lock the member too, so who is here now stays until the transaction ends.
    """
    wanted = sorted(set(driver_ids))
    owners = await _owners(tx, wanted)
    while True:
        tiers = await members.lock(tx, *owners.values())
        owners, before = await _owners(tx, wanted), owners
        if owners == before:
            return {driver_id: Member(owner, tiers[owner]) for driver_id, owner in owners.items()}


async def _owners(tx: Connection, driver_ids: Sequence[str]) -> dict[str, str]:
    """Whose the drivers' points are, by who was merged into whom."""
    rows = await tx.fetch(
        """WITH RECURSIVE chain (driver_id, owner) AS (
               SELECT d, d FROM unnest($1::text[]) AS d
               UNION SELECT driver_id, merged_into FROM chain JOIN erasures ON subject = owner
               WHERE merged_into IS NOT NULL
           ) SELECT driver_id, owner FROM chain WHERE NOT EXISTS (SELECT FROM erasures WHERE subject = owner)""",
        driver_ids,
    )
    return dict(rows)


async def find_lots(tx: Connection, driver_ids: Iterable[str]) -> defaultdict[str, list[Lot]]:
    """The lots of each driver that hold something, and the one for debts where there ever was one."""
    rows = await tx.fetch(
        """SELECT driver_id, lot_id, remaining, held, expires_at, order_id FROM lots
           WHERE driver_id = ANY($1) AND (remaining <> 0 OR held <> 0 OR expires_at IS NULL)""",
        list(driver_ids),
    )
    return _by_driver(rows)


async def find_debts(tx: Connection, driver_ids: Iterable[str]) -> defaultdict[str, list[Lot]]:
    """Of these lots only the debts: all that counts for who gets points."""
    rows = await tx.fetch(
        """SELECT driver_id, lot_id, remaining, held, expires_at, order_id FROM lots
           WHERE driver_id = ANY($1) AND expires_at IS NULL""",
        list(driver_ids),
    )
    return _by_driver(rows)


def _by_driver(rows: Iterable[Iterable[Any]]) -> defaultdict[str, list[Lot]]:
    found: defaultdict[str, list[Lot]] = defaultdict(list)
    for driver_id, *lot in rows:
        found[driver_id].append(Lot(*lot))
    return found


async def is_known(tx: Connection, key: str) -> bool:
    """Whether a transfer with this key was posted."""
    return bool(await tx.fetchval("SELECT EXISTS (SELECT FROM transfers WHERE key = $1)", key))


async def post(tx: Connection, entries: Sequence[Entry]) -> dict[UUID, Posted]:
    """Posts entries, all or none, in this order; the drivers are locked, and the keys are new."""
    if not entries:
        return {}
    rows = await tx.fetch(
        """SELECT * FROM post_points($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)""",
        *columns_of(entries),
    )
    return {transfer_id: Posted(version, balance) for transfer_id, version, balance in rows}


def columns_of(entries: Sequence[Entry]) -> list[list[Any]]:
    """The arguments of the function `post_points`."""
    lots = [(lot, entry.driver_id) for entry in entries for lot in entry.new_lots]
    postings: list[tuple[UUID, str, UUID | None, int]] = []
    for entry in entries:
        postings += [(entry.id, "driver", part.lot_id, part.points) for part in entry.parts]
        postings.append((entry.id, entry.counter, None, -entry.points))
    return [
        [e.id for e in entries], [e.key for e in entries], [e.driver_id for e in entries], [e.kind for e in entries],
        [e.reason for e in entries], [e.order_id for e in entries], [e.gift_order_id for e in entries],
        [e.at for e in entries],
        [lot.id for lot, _ in lots], [driver_id for _, driver_id in lots], [lot.expires_at for lot, _ in lots],
        [lot.order_id for lot, _ in lots], *map(list, zip(*postings, strict=True)),
    ]  # fmt: skip


async def rebuild(tx: Connection) -> int:
    """Makes the lots and balances anew from the postings; how many differed. Nobody's points change meanwhile."""
    await tx.execute("LOCK TABLE members IN EXCLUSIVE MODE")
    lots = await tx.execute(
        """UPDATE lots l SET remaining = p.points FROM (
               SELECT lot_id, sum(points)::bigint AS points FROM postings WHERE lot_id IS NOT NULL GROUP BY lot_id
           ) AS p WHERE l.lot_id = p.lot_id AND l.remaining <> p.points"""
    )
    balances = await tx.execute(
        """UPDATE members m SET (balance, version) = (right_points, right_version) FROM (
               SELECT driver_id, coalesce(sum(p.points), 0)::bigint AS right_points,
                      coalesce(max(t.version), 0) AS right_version
               FROM members LEFT JOIN transfers t USING (driver_id)
               LEFT JOIN postings p ON p.transfer_id = t.transfer_id AND p.account = 'driver' GROUP BY driver_id
           ) AS sums
           WHERE m.driver_id = sums.driver_id AND (m.balance, m.version) <> (right_points, right_version)"""
    )
    return sum(int(done.rpartition(" ")[2]) for done in (lots, balances))


async def check(tx: Connection, most: int = 100) -> list[Mapping[str, Any]]:
    """Drivers whose balance, lots and postings differ, with all three sums; none, if all is well."""
    return await tx.fetch(
        """SELECT * FROM point_sums WHERE (balance, of_lots) IS DISTINCT FROM (of_postings, of_postings)
           ORDER BY driver_id LIMIT $1""",
        most,
    )


async def counters(tx: Connection) -> dict[str, int]:
    """What each kind of account holds in all; together they are zero."""
    return dict(await tx.fetch("SELECT account, sum(points)::bigint FROM postings GROUP BY account ORDER BY account"))


async def entries_of(
    tx: Connection, driver_id: str, before: int | None, limit: int
) -> list[Mapping[str, Any]]:  # fmt: skip
    """A driver's entries before the version, the latest first."""
    return await tx.fetch(
        """SELECT transfer_id AS entry_id, version, kind, reason, points, balance, order_id, gift_order_id, at
           FROM transfers WHERE driver_id = $1 AND ($2::bigint IS NULL OR version < $2)
           ORDER BY version DESC LIMIT $3""",
        driver_id, before, limit,
    )  # fmt: skip


async def balance_of(tx: Connection, driver_id: str) -> int:
    """All the driver's points; below zero: a debt."""
    return await tx.fetchval("SELECT balance FROM members WHERE driver_id = $1", driver_id) or 0


async def drivers_with_expired(tx: Connection, now: datetime, most: int) -> list[str]:
    """Drivers with points whose time is over."""
    rows = await tx.fetch(
        """SELECT DISTINCT driver_id FROM lots
           WHERE remaining > 0 AND expires_at <= $1 AND remaining > held LIMIT $2""",
        now, most,
    )  # fmt: skip
    return [driver_id for (driver_id,) in rows]


async def drivers_to_warn(tx: Connection, now: datetime, until: datetime, most: int) -> list[str]:
    """Drivers with points that expire before `until`, of which they were not told yet."""
    rows = await tx.fetch(
        """SELECT DISTINCT driver_id FROM lots
           WHERE remaining > 0 AND expires_at > $1 AND expires_at <= $2 AND warned_at IS NULL LIMIT $3""",
        now, until, most,
    )  # fmt: skip
    return [driver_id for (driver_id,) in rows]


async def note_warned(
    tx: Connection, driver_ids: Sequence[str], now: datetime, until: datetime
) -> list[tuple[str, datetime, int]]:  # fmt: skip
    """Notes that these drivers are told; of what: (driver, when they expire, how many points), once for each lot."""
    rows = await tx.fetch(
        """WITH told AS (
               UPDATE lots SET warned_at = $2
               WHERE driver_id = ANY($1) AND remaining > 0 AND expires_at > $2 AND expires_at <= $3
                   AND warned_at IS NULL
               RETURNING driver_id, expires_at, remaining
           ) SELECT driver_id, expires_at, sum(remaining)::bigint FROM told GROUP BY 1, 2 ORDER BY 1, 2""",
        list(driver_ids), now, until,
    )  # fmt: skip
    return [(driver_id, expires_at, points) for driver_id, expires_at, points in rows]
