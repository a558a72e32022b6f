"""The ledger of points: lots that expire, entries whose postings sum to zero, and which lots what is spent comes from.

A driver's points lie in lots, each with the moment at which it expires. What is taken comes from the lot that expires
first. Where more is taken than there is (an order is refunded whose points were spent) the rest is the driver's debt, a
lot below zero that never expires; what is earned next pays it first (docs/decisions/0027). So there is never a debt
beside a lot with something in it. Pure.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from schemas.base import Event
from schemas.loyalty import PointsAccruedV1, PointsExpiredV1, PointsRedeemedV1, PointsReversedV1

_NAMESPACE = UUID("0199a000-0000-7000-8000-0000706f696e")
GIVEN_BACK_FOR = timedelta(days=30)
"""Points that are given back can be spent for at least so long."""


class Kind(StrEnum):
    """What an entry does to a driver's account."""

    ACCRUED = "accrued"
    REDEEMED = "redeemed"
    REVERSED = "reversed"
    EXPIRED = "expired"
    FORFEITED = "forfeited"
    MOVED = "moved"
    """From the account, or to it, of the same person."""


class Counter(StrEnum):
    """The accounts on the other side."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    REVERSED = "reversed"
    EXPIRED = "expired"
    FORFEITED = "forfeited"
    MOVED = "moved"
    """Always zero in all."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Points of one driver that expire together."""

    id: UUID
    remaining: int
    held: int
    """Of what remains; more than that where an order was refunded whose points are held for another one."""
    expires_at: datetime | None
    """None: the driver's debt, with less than nothing in it."""
    order_id: UUID | None = None
    """The order that earned them."""

    @property
    def free(self) -> int:
        """What is neither spent nor held."""
        return max(0, self.remaining - self.held)

    @property
    def order(self) -> tuple[datetime, UUID]:
        """Lots that expire first come first; the debt comes last."""
        return self.expires_at or datetime.max.replace(tzinfo=UTC), self.id


@dataclass(frozen=True, slots=True)
class Part:
    """Points of one lot, above zero, or below it where they are taken."""

    lot_id: UUID
    points: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer between a driver's account and a counter account. `key`: it happens once for it."""

    id: UUID
    key: str
    driver_id: str
    kind: Kind
    reason: str
    counter: Counter
    at: datetime
    parts: tuple[Part, ...]
    new_lots: tuple[Lot, ...] = ()
    """Those of the parts' lots that did not exist before."""
    order_id: UUID | None = None
    gift_order_id: UUID | None = None
    told: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What its event says beside that."""

    @property
    def points(self) -> int:
        """What it adds to the account; below zero: takes from it."""
        return sum(part.points for part in self.parts)


@dataclass(frozen=True, slots=True)
class Grant:
    """Points that a driver is to get, and until when they can be spent."""

    points: int
    expires_at: datetime
    order_id: UUID | None = None
    """That earned them."""


@dataclass(frozen=True, slots=True)
class Account:
    """A driver's points as the driver sees them."""

    balance: int
    spendable: int
    held: int
    owed: int
    expiries: tuple[Grant, ...]
    """What expires when, the next first."""


class TooFewPoints(Exception):
    """The driver has fewer points to spend than that."""

    def __init__(self, available: int) -> None:
        super().__init__(f"there are {available} points to spend")
        self.available = available


def expiry(earned_at: datetime, months: int) -> datetime:
    """The first moment at which points are gone that last to the end of the UTC month so many months later."""
    number = earned_at.astimezone(UTC).year * 12 + earned_at.astimezone(UTC).month + months
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def debt_id(driver_id: str) -> UUID:
    """The lot that is the driver's debt: each has at most one."""
    return uuid5(_NAMESPACE, driver_id)


def spendable(lots: Iterable[Lot], now: datetime) -> int:
    """What the driver may set aside now: not expired, not held, and not owed."""
    known = list(lots)
    free = sum(lot.free for lot in known if lot.expires_at and lot.expires_at > now)
    return max(0, min(free, sum(lot.remaining - lot.held for lot in known)))


def account_of(lots: Sequence[Lot], now: datetime) -> Account:
    """What the lots come to."""
    by_end: dict[datetime, int] = {}
    for lot in lots:
        if lot.expires_at and lot.remaining:
            by_end[lot.expires_at] = by_end.get(lot.expires_at, 0) + lot.remaining
    return Account(
        balance=sum(lot.remaining for lot in lots), spendable=spendable(lots, now), held=sum(lot.held for lot in lots),
        owed=sum(-lot.remaining for lot in lots if lot.expires_at is None),
        expiries=tuple(Grant(points, ends) for ends, points in sorted(by_end.items())),
    )  # fmt: skip


def choose(lots: Sequence[Lot], points: int, now: datetime) -> list[Part]:
    """What to set aside, of the lots that expire first. Raises TooFewPoints."""
    available = spendable(lots, now)
    if points > available:
        raise TooFewPoints(available)
    chosen: list[Part] = []
    for lot in sorted(lots, key=lambda lot: lot.order):
        taken = min(points, lot.free) if lot.expires_at and lot.expires_at > now else 0
        if taken:
            chosen.append(Part(lot.id, taken, lot.expires_at))
            points -= taken
    return chosen


def take(
    driver_id: str, lots: Sequence[Lot], points: int, first: Mapping[UUID, int] | None = None
) -> tuple[tuple[Part, ...], tuple[Lot, ...]]:  # fmt: skip
    """Takes points whether there are enough or not: parts below zero, and the debt where it is a new lot.

    Of the lots in `first` at most so many each come first; then what is free, then what is held, of lots that expire
    first; the rest is owed. Expired lots that nobody has swept yet count: whoever owes something owes less for them.
    """
    left = {lot.id: lot for lot in sorted(lots, key=lambda lot: lot.order) if lot.remaining > 0}
    taken: dict[UUID, int] = {}

    def draw(lot: Lot, most: int) -> None:
        nonlocal points
        amount = min(points, most, lot.remaining - taken.get(lot.id, 0))
        if amount > 0:
            taken[lot.id] = taken.get(lot.id, 0) + amount
            points -= amount

    for lot_id, most in (first or {}).items():
        if lot_id in left:
            draw(left[lot_id], most)
    for lot in left.values():
        draw(lot, lot.free - taken.get(lot.id, 0))
    for lot in left.values():
        draw(lot, lot.remaining)
    parts = tuple(Part(lot_id, -amount, left[lot_id].expires_at) for lot_id, amount in taken.items())
    if not points:
        return parts, ()
    debt = Lot(debt_id(driver_id), -points, 0, None)
    is_known = any(lot.id == debt.id for lot in lots)
    return (*parts, Part(debt.id, -points, None)), () if is_known else (debt,)


def give(
    lots: Iterable[Lot], grants: Iterable[Grant], mint: Callable[[], UUID]
) -> tuple[tuple[Part, ...], tuple[Lot, ...]]:  # fmt: skip
    """Gives points: what is owed is paid first, by those that expire first; the rest makes new lots of minted ids."""
    debt = next((lot for lot in lots if lot.expires_at is None), None)
    owed = -debt.remaining if debt else 0
    paid, parts, new = 0, list[Part](), list[Lot]()
    for grant in sorted(grants, key=lambda grant: grant.expires_at):
        covered = min(owed - paid, grant.points)
        paid += covered
        if grant.points > covered:
            lot = Lot(mint(), grant.points - covered, 0, grant.expires_at, grant.order_id)
            new.append(lot)
            parts.append(Part(lot.id, lot.remaining, lot.expires_at))
    if debt and paid:
        parts.append(Part(debt.id, paid, None))
    return tuple(parts), tuple(new)


def after(lots: Iterable[Lot], parts: Iterable[Part], new: Iterable[Lot]) -> list[Lot]:
    """The lots as they are once the parts are posted, new ones among them."""
    changes = {part.lot_id: part.points for part in parts}
    kept = [replace(lot, remaining=lot.remaining + changes.get(lot.id, 0)) for lot in lots]
    return [*kept, *new]


def give_back(spent: Sequence[Part], already: int, total: int, at: datetime) -> list[Grant]:
    """What to give back so that `total` of what was spent is, of which `already` was: the last that was taken first.

    It expires when it would have, but not before it could be spent again; what was owed when it was spent can.
    """
    back: list[Grant] = []
    soonest = at + GIVEN_BACK_FOR
    wanted = total - already
    for part in sorted(spent, key=lambda part: Lot(part.lot_id, 0, 0, part.expires_at).order, reverse=True):
        skipped = min(already, part.points)
        already -= skipped
        amount = min(wanted, part.points - skipped)
        wanted -= amount
        if amount:
            back.append(Grant(amount, max(part.expires_at or soonest, soonest)))
    return back


def expire(lots: Sequence[Lot], now: datetime) -> tuple[Part, ...]:
    """What is lost now: of lots whose time is over what is not held, and no more than the driver has free."""
    left = max(0, sum(lot.remaining - lot.held for lot in lots))
    lost: list[Part] = []
    for lot in sorted(lots, key=lambda lot: lot.order):
        amount = min(left, lot.free) if lot.expires_at and lot.expires_at <= now else 0
        if amount:
            lost.append(Part(lot.id, -amount, lot.expires_at))
            left -= amount
    return tuple(lost)


def event_of(entry: Entry, version: int, balance: int) -> Event | None:
    """How others are told of an entry; None where the account is gone, or only took over a debt."""
    what: dict[str, Any] = {
        "driver_id": entry.driver_id, "version": version, "entry_id": entry.id, "points": abs(entry.points),
        "balance": balance, "occurred_at": entry.at, **entry.told,
    }  # fmt: skip
    match entry.kind:
        case Kind.ACCRUED:
            return PointsAccruedV1(reason=entry.reason, order_id=entry.order_id, **what)
        case Kind.REDEEMED:
            return PointsRedeemedV1(
                reason=entry.reason, order_id=entry.order_id, gift_order_id=entry.gift_order_id, **what
            )
        case Kind.REVERSED:
            return PointsReversedV1(order_id=entry.order_id, **what)  # pyright: ignore[reportArgumentType] - it has one
        case Kind.EXPIRED:
            return PointsExpiredV1(**what)
        case Kind.MOVED if entry.points > 0 and "expires_at" in entry.told:
            return PointsAccruedV1(reason="moved", **what)
        case Kind.MOVED | Kind.FORFEITED:
            return None
