"""Which campaigns a driver may meet at once, how they combine, and the most that they take off together. Pure.

Two campaigns overlap where some purchase would be in scope of both. Each limit is looked at by itself (stations,
grades, tiers, ways to pay, times), and what is found is that purchase, so nobody has to believe it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from loyalty.domain.amounts import amount_of, volume_for
from loyalty.domain.pricing import best_price
from loyalty.domain.terms import DISCOUNTS, MOST_BASIS_POINTS, Hours, Offer, PointsMultiplier, Purchase, Scope
from loyalty.domain.tiers import BY_WORD
from schemas.vocabulary import Fuel

USUAL_VOLUME_ML = 40_000
MUCH_BASIS_POINTS = 3_000
TWO_WEEKS = timedelta(days=15)
"""What repeats by the week shows in it, whichever of its hours the clock leaves out in one of them."""
WHENEVER = (Hours((1, 2, 3, 4, 5, 6, 7)),)
FUELS = tuple(fuel.value for fuel in Fuel)
Item = TypeVar("Item")


class Place(Struct, frozen=True):
    """A station as far as a scope asks for it."""

    station_id: str
    time_zone: str
    currency: str
    fuels: Sequence[str] | None
    """None: the operator does not say what it sells."""


class Overlap(Struct, frozen=True):
    """Where two campaigns meet. None: no limit."""

    places: tuple[Place, ...]
    fuels: tuple[str, ...] | None
    tiers: tuple[str, ...] | None
    methods: tuple[str, ...] | None
    at: datetime
    """The first moment, at the first of the places."""


class Combines(StrEnum):
    """What a driver gets who is in scope of both."""

    TOGETHER = "together"
    BETTER_ONE = "better_one"
    ALONE = "alone"
    BETTER_MULTIPLIER = "better_multiplier"
    INDEPENDENT = "independent"


EXPLANATIONS = {
    Combines.TOGETHER: "Both are taken off, since they are of different groups.",
    Combines.BETTER_ONE: "The better one is taken off, since they are of the same group.",
    Combines.ALONE: "Only one of them is taken off, the better one or what else can be combined, since one of the two "
    "is of no group and holds alone.",
    Combines.BETTER_MULTIPLIER: "The higher one multiplies the points; multipliers never multiply each other.",
    Combines.INDEPENDENT: "Both are given: they do not take off the same price.",
}


class Concern(StrEnum):
    """What staff should look at before they publish."""

    MUCH = "more_than_30_percent"
    FREE = "free_fuel"


class Example(Struct, frozen=True):
    """A fill that is in scope of both, and what is taken off it."""

    purchase: Purchase
    off_minor: int
    campaign_ids: tuple[str, ...]
    """Those that take it off."""

    @property
    def share_basis_points(self) -> int:
        """Of the amount at the pump price."""
        return self.off_minor * MOST_BASIS_POINTS // self.purchase.gross_minor

    @property
    def warnings(self) -> list[Concern]:
        """What is too much of a good thing."""
        if self.off_minor == self.purchase.gross_minor:
            return [Concern.FREE]
        return [Concern.MUCH] if self.share_basis_points > MUCH_BASIS_POINTS else []


def combines(one: Offer, other: Offer) -> Combines:
    """What a driver gets who is in scope of both."""
    kinds = [isinstance(it.benefit, DISCOUNTS) for it in (one, other)]
    if all(isinstance(it.benefit, PointsMultiplier) for it in (one, other)):
        return Combines.BETTER_MULTIPLIER
    if not all(kinds):
        return Combines.INDEPENDENT
    if one.stacking.group is None or other.stacking.group is None:
        return Combines.ALONE
    return Combines.BETTER_ONE if one.stacking.group == other.stacking.group else Combines.TOGETHER


def overlap(one: Offer, other: Offer, places: Iterable[Place], now: datetime) -> Overlap | None:
    """Where two campaigns of an operator meet from now on; None where no purchase could be in scope of both.

    `places` are the operator's stations.
    """
    a, b = one.scope, other.scope
    fuels, tiers, methods = (
        _common(a.fuels, b.fuels), _common(a.tiers, b.tiers), _common(a.methods, b.methods)
    )  # fmt: skip
    begin, end = _span(one, other, now)
    if () in (fuels, tiers, methods) or (end is not None and begin >= end):
        return None
    named = _common(a.station_ids, b.station_ids)
    ids = None if named is None else frozenset(named)
    currencies = {it.currency for it in (one, other)} - {None}
    both = [
        it for it in places
        if (ids is None or it.station_id in ids) and currencies <= {it.currency} and _common(fuels, it.fuels) != ()
    ]  # fmt: skip
    moments = {zone: _first_moment(a, b, zone, begin, end) for zone in dict.fromkeys(it.time_zone for it in both)}
    reached = tuple(it for it in both if moments[it.time_zone] is not None)
    at = moments[reached[0].time_zone] if reached else None
    return None if at is None else Overlap(reached, fuels, tiers, methods, at)


def _common(one: Sequence[Item] | None, other: Sequence[Item] | None) -> tuple[Item, ...] | None:
    if one is None or other is None:
        known = one if other is None else other
        return None if known is None else tuple(known)
    kept = frozenset(other)
    return tuple(it for it in one if it in kept)


def _span(one: Offer, other: Offer, now: datetime) -> tuple[datetime, datetime | None]:
    ends = [it.ends_at for it in (one, other) if it.ends_at is not None]
    return max(one.starts_at, other.starts_at, now), min(ends, default=None)


def _first_moment(
    one: Scope, other: Scope, time_zone: str, begin: datetime, end: datetime | None
) -> datetime | None:  # fmt: skip
    """The first moment of the span at which the hours of both hold, by the clock of a zone; None where none is."""
    if one.hours is None and other.hours is None:
        return begin
    zone = ZoneInfo(time_zone)
    last = begin + TWO_WEEKS if end is None else min(end, begin + TWO_WEEKS)
    windows = (one.hours or WHENEVER, other.hours or WHENEVER)
    edges = {begin, *_starts([it for hours in windows for it in hours], zone, begin, last), *_jumps(zone, begin, last)}
    return next((it for it in sorted(edges) if begin <= it < last and _hold(windows, it.astimezone(zone))), None)


def _hold(windows: Iterable[Sequence[Hours]], local: datetime) -> bool:
    return all(any(it.holds(local) for it in hours) for hours in windows)


def _starts(hours: Iterable[Hours], zone: ZoneInfo, begin: datetime, last: datetime) -> Iterator[datetime]:
    """Each moment at which the clock shows the begin of one of the windows: twice where an hour is shown twice."""
    clocks = {time.fromisoformat(it.from_time) for it in hours}
    day, until = begin.astimezone(zone).date(), last.astimezone(zone).date()
    while day <= until:
        for clock in clocks:
            for fold in (0, 1):
                yield datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC)
        day += timedelta(days=1)


def _jumps(zone: ZoneInfo, begin: datetime, last: datetime) -> Iterator[datetime]:
    """Each minute of the hours in which the zone's clock jumps: it may jump into a window."""
    hour = begin.replace(second=0, microsecond=0)
    while hour < last:
        after = hour + timedelta(hours=1)
        if hour.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            yield from (hour + timedelta(minutes=minute) for minute in range(61))
        hour = after


Prices = Mapping[tuple[str, str], int]
"""Price in mills by (station id, grade)."""


def example_fill(found: Overlap, offers: Sequence[Offer], prices: Prices) -> Purchase | None:
    """A usual fill that all of the offers meet at; None where no price is known for one."""
    sold = ((it, fuel) for it in found.places for fuel in _common(found.fuels, it.fuels) or FUELS)
    place, fuel = next(((it, fuel) for it, fuel in sold if (it.station_id, fuel) in prices), (None, ""))
    if place is None:
        return None
    price = prices[place.station_id, fuel]
    volume = max(USUAL_VOLUME_ML, *(_least_volume(it.scope, price, place.currency) for it in offers))
    return Purchase(
        "", offers[0].operator, place.station_id, place.time_zone, fuel, price, volume,
        amount_of(volume, price, place.currency), place.currency, (found.methods or (None,))[0],
        (found.tiers or tuple(BY_WORD))[0], found.at,
    )  # fmt: skip


def _least_volume(scope: Scope, price_mills: int, currency: str) -> int:
    least = volume_for(scope.minimum_minor - 1, price_mills, currency) + 1 if scope.minimum_minor else 0
    return max(least, scope.minimum_volume_ml or 0)


def most_off(purchase: Purchase, offers: Sequence[Offer]) -> Example:
    """The most that these take off a fill, by the rules that hold for everybody."""
    price = best_price(purchase, offers, left={}, explain=False)
    ids = tuple(part.reference for part in price.parts if part.reference is not None)
    return Example(purchase, purchase.gross_minor - price.paid_minor, ids)
