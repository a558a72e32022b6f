"""What becomes of points when their driver asks for all there is, is forgotten, or turns out to have two accounts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loyalty.domain import points as domain
from loyalty.domain.points import Counter, Entry, Grant, Kind, Lot, Part
from loyalty.repository import members, point_uses, purchases
from loyalty.repository import points as repository
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.points import post
from servicekit.ids import new_id
from servicekit.postgres import Connection

ALL = 10**9
"""Entries of one driver; an export leaves none out."""


async def collect(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """The driver's entries, the latest first; each says what the balance was then."""
    return [dict(row) for row in await repository.entries_of(tx, driver_id, None, ALL)]


async def collect_left(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """What is left, and until when."""
    lots = (await repository.find_lots(tx, [driver_id]))[driver_id]
    return [{"points": lot.remaining, "expires_at": lot.expires_at} for lot in lots if lot.remaining]


async def collect_purchases(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """What the driver bought."""
    return await purchases.collect(tx, driver_id)


async def erase(_: Loyalty, tx: Connection, driver_id: str) -> int:
    """What is left is forfeited, and what is owed forgiven; of how many lots."""
    await members.lock(tx, driver_id)
    await point_uses.drop_holds(tx, driver_id)
    lots = (await repository.find_lots(tx, [driver_id]))[driver_id]
    parts = _all_of(lots)
    await post(tx, _entries(driver_id, Kind.FORFEITED, "erased", Counter.FORFEITED, parts))
    return len(parts)


async def move(_: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """Gives what is left, or owed, to the other account; lots keep when they expire, and which order earned them."""
    await members.lock(tx, driver_id, into)
    await point_uses.drop_holds(tx, driver_id)
    lots = await repository.find_lots(tx, [driver_id, into])
    out = _entries(driver_id, Kind.MOVED, "moved_out", Counter.MOVED, _all_of(lots[driver_id]))
    parts, new = _taken_over(lots[driver_id], into, lots[into])
    ends = min((lot.expires_at for lot in lots[driver_id] if lot.expires_at), default=None)
    told = {"expires_at": ends} if ends else {}
    await post(tx, [*out, *_entries(into, Kind.MOVED, "moved_in", Counter.MOVED, parts, new, told)])
    await point_uses.move_uses(tx, driver_id, into)


async def move_purchases(_: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """What the driver bought is the other account's: a later refund takes its points there."""
    await purchases.move(tx, driver_id, into)


def _all_of(lots: list[Lot]) -> tuple[Part, ...]:
    return tuple(Part(lot.id, -lot.remaining, lot.expires_at) for lot in lots if lot.remaining)


def _taken_over(lots: list[Lot], into: str, there: list[Lot]) -> tuple[tuple[Part, ...], tuple[Lot, ...]]:
    owed = sum(-lot.remaining for lot in lots if lot.expires_at is None)
    if owed:
        return domain.take(into, there, owed)
    grants = [Grant(lot.remaining, lot.expires_at, lot.order_id) for lot in lots if lot.expires_at and lot.remaining]
    return domain.give(there, grants, new_id)


def _entries(
    driver_id: str, kind: Kind, reason: str, counter: Counter, parts: tuple[Part, ...], new: tuple[Lot, ...] = (),
    told: Mapping[str, Any] | None = None,
) -> list[Entry]:  # fmt: skip
    """The entry, or none where there is nothing to post: the second time there is none."""
    if not parts:
        return []
    entry_id, now = new_id(), datetime.now(UTC)
    key = f"{reason}|{entry_id}"
    return [Entry(entry_id, key, driver_id, kind, reason, counter, now, parts, new, told=told or {})]
