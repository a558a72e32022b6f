"""The report of a station's prices: where they stood among its neighbours', and how demand answered to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import numpy as np

from analytics.domain.demand import HOUR as HOUR_MILLISECONDS
from analytics.domain.demand import Hours, changes_of, finding, hourly, response
from analytics.domain.folds.station_prices import milliseconds
from analytics.domain.periods import DAY, HOUR, Period
from analytics.domain.price_position import Position, positions
from analytics.domain.timelines import Moments, Pieces, Rows, Timeline, pieces

AROUND = DAY + HOUR
"""What the response needs to know of before the period and after it."""
HOURS_OF_DAY = 24


@dataclass(frozen=True)
class _Fuel:
    fuel: str


@dataclass(frozen=True)
class _Day:
    day: date


@dataclass(frozen=True)
class _HourOfDay:
    hour_of_day: int


@dataclass(frozen=True)
class PriceWhole(Position, _Fuel):
    """A fuel in the whole period."""


@dataclass(frozen=True)
class PriceDay(PriceWhole, _Day):
    """A fuel on a day, by the station's own clock."""

    confirmations: int


@dataclass(frozen=True)
class PriceHour(PriceWhole, _HourOfDay):
    """A fuel in an hour of the day, on all days together."""


@dataclass(frozen=True, slots=True)
class PriceResponse:
    """How demand for a fuel answered to its price; null: not enough is known, `finding` says of what."""

    fuel: str
    price_kind: str
    counted_changes: int
    counted_orders: int
    price_effect_basis_points: int | None
    price_effect_low_basis_points: int | None
    price_effect_high_basis_points: int | None
    finding: str
    finding_zh: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A station that prices are compared with."""

    neighbour: str
    neighbour_brand: str | None
    distance_m: int


@dataclass(frozen=True, slots=True)
class PricesReport:
    """What a station asked for its fuels, day by day, beside the nearest stations around it."""

    totals: None
    rows: tuple[PriceDay, ...]
    fuels: tuple[PriceWhole, ...]
    hours_of_day: tuple[PriceHour, ...]
    responses: tuple[PriceResponse, ...]
    compared_stations: tuple[Neighbour, ...]


class Known(NamedTuple):
    """What is known of a fuel: the station's prices and its neighbours', and by hour (milliseconds since 1970) what
    was sold of it: (millilitres, orders)."""

    own: Timeline
    others: Sequence[Timeline]
    sold: Mapping[int, tuple[int, int]]
    confirmed: Mapping[date, int]


class Clock(NamedTuple):
    """The hours of a period's days as the station's clock shows them; one edge more than hours."""

    edges: Moments
    day: Rows
    """The place of its day in the period."""
    hour: Rows
    """0 to 23."""


def clock_of(period: Period, until: datetime) -> Clock:
    """The hours that have begun by `until`, when the last one ends; the last of a day may be half of one, where clocks
    change by that."""
    hours: list[tuple[int, int, int]] = []
    for place, day in enumerate(period.days):
        one = Period(day, day, period.zone)
        at, end = one.starts_at, min(one.ends_at, until)
        while at < end:
            hours.append((milliseconds(at), place, at.astimezone(period.zone).hour))
            at += HOUR
    columns = np.array(hours, dtype=np.int64).reshape(-1, 3).T
    return Clock(np.append(columns[0], milliseconds(min(period.ends_at, until))), columns[1], columns[2])


def prices_report(
    period: Period, until: datetime, known: Mapping[str, Known], compared_stations: Sequence[Neighbour]
) -> PricesReport:
    """The report as of `until`; fuels that were not sold in the period are no part of it."""
    clock = clock_of(period, until)
    days: list[PriceDay] = []
    wholes: list[PriceWhole] = []
    hours_of_day: list[PriceHour] = []
    responses: list[PriceResponse] = []
    for fuel, one in sorted(known.items()):
        parts = pieces(one.own, one.others, clock.edges)
        [whole] = positions(parts, np.zeros_like(parts.starts), 1)
        if whole.sold_seconds == 0:
            continue
        hour = np.searchsorted(clock.edges, parts.starts, "right") - 1
        wholes.append(PriceWhole(fuel=fuel, **vars(whole)))
        by_day = zip(period.days, positions(parts, clock.day[hour], len(period.days)), strict=True)
        days += [
            PriceDay(day=day, fuel=fuel, **vars(at), confirmations=one.confirmed.get(day, 0)) for day, at in by_day
        ]
        by_hour = enumerate(positions(parts, clock.hour[hour], HOURS_OF_DAY))
        hours_of_day += [PriceHour(hour_of_day=number, fuel=fuel, **vars(at)) for number, at in by_hour]
        responses += _responses(fuel, one, period, until)
    rows = sorted(days, key=lambda row: row.day)  # those of a day stay in the order of their fuels
    return PricesReport(
        None, tuple(rows), tuple(wholes), tuple(hours_of_day), tuple(responses), tuple(compared_stations)
    )


def _responses(fuel: str, known: Known, period: Period, until: datetime) -> list[PriceResponse]:
    parts, hours = _hours(known, period.starts_at - AROUND, min(period.ends_at + AROUND, until))
    changes = changes_of(parts, hours, milliseconds(period.starts_at), milliseconds(period.ends_at), period.zone)
    kinds = (("own", response(changes)), ("relative", response(changes, relative=True)))
    return [
        PriceResponse(
            fuel, kind, found.changes, found.orders, found.effect_basis_points, found.low_basis_points,
            found.high_basis_points, *finding(found),
        )
        for kind, found in kinds
    ]  # fmt: skip


def _hours(known: Known, since: datetime, until: datetime) -> tuple[Pieces, Hours]:
    """The whole hours of UTC in the time: those of which sales are counted."""
    first, last = -(-milliseconds(since) // HOUR_MILLISECONDS), milliseconds(until) // HOUR_MILLISECONDS
    edges = np.arange(first, max(first, last) + 1, dtype=np.int64) * HOUR_MILLISECONDS
    parts = pieces(known.own, known.others, edges)
    sold = np.array([known.sold.get(hour, (0, 0)) for hour in edges[:-1].tolist()], dtype=np.float64).reshape(-1, 2)
    return parts, hourly(parts, edges, sold[:, 0], sold[:, 1])
