"""The report of a station's pumps: how busy they are and when, and how long drivers wait and stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from analytics.domain.folds.station_prices import milliseconds
from analytics.domain.periods import HOUR, Period
from analytics.domain.pump_times import SECOND, UNKNOWN, PumpTimes, Visits, joined, painted
from analytics.domain.reports import rounded, share
from analytics.domain.timelines import Moments

DAY_HOURS = 24
PER_MILLE = 1_000
HUNDREDTHS = 100
NINE_OF_TEN = 9, 10


@dataclass(frozen=True)
class _Use:
    """How busy something was; seconds are None where nobody was there."""

    pump_orders: int
    cancelled_orders: int
    utilisation_per_mille: int | None
    waiting_seconds: int | None
    waiting_p90_seconds: int | None
    occupied_seconds: int | None
    occupied_p90_seconds: int | None
    most_waiting_vehicles: int | None
    waiting_vehicles_hundredths: int | None


@dataclass(frozen=True)
class _Pump:
    pump_id: str


@dataclass(frozen=True)
class PumpUse(_Use, _Pump):
    """A pump."""

    turns_per_day_hundredths: int | None
    out_of_service_seconds: int


@dataclass(frozen=True)
class _HourOfDay:
    hour_of_day: int


@dataclass(frozen=True)
class HourOfDayUse(_Use, _HourOfDay):
    """An hour of the station's clock, on all days and at all pumps."""


@dataclass(frozen=True)
class PumpHour:
    """A pump in an hour of the station's clock, on all days."""

    pump_id: str
    hour_of_day: int
    pump_orders: int
    utilisation_per_mille: int | None


@dataclass(frozen=True)
class PumpTotals(_Use):
    """All pumps together."""

    pumps: int
    turns_per_day_hundredths: int | None
    out_of_service_seconds: int
    busiest_hour_of_day: int | None


@dataclass(frozen=True)
class PumpsReport:
    """How busy a station's pumps are and when, and how long drivers wait and stay: by the steps of their orders, and
    by what the pumps say of themselves."""

    totals: PumpTotals
    rows: tuple[PumpUse, ...]
    hours_of_day: tuple[HourOfDayUse, ...]
    pump_hours: tuple[PumpHour, ...]


@dataclass(slots=True)
class _Use24:
    """What is known of a pump, or of all, by hour of the day."""

    visits: Visits
    places: Moments
    """In which hour of the day each of the visits began."""
    occupied: Moments
    """Milliseconds by hour of the day; also the two below."""
    out: Moments
    served: Moments
    """In service: of the time that the report is about, what it was not out of order."""
    counted: Moments
    """In which hour of the day waiting vehicles were counted."""
    waiting: Moments


def pumps_report(period: Period, until: datetime, pumps: Mapping[str, PumpTimes]) -> PumpsReport:
    """The report, from what is known of each pump from the beginning of the period until `until`."""
    hours = [hour for hour in period.hours if hour < until] or period.hours[:1]
    edges = np.array([*map(milliseconds, hours), milliseconds(min(hours[-1] + HOUR, max(until, hours[0])))], np.int64)
    clock = np.array([hour.astimezone(period.zone).hour for hour in hours], np.int64)
    known = {pump_id: _by_hour(times, edges, clock) for pump_id, times in sorted(pumps.items(), key=_in_order)}
    every, seconds = _together(list(known.values())), int(edges[-1] - edges[0]) // SECOND
    by_hour = [HourOfDayUse(hour_of_day=hour, **_use(every, hour)) for hour in range(DAY_HOURS)]
    return PumpsReport(
        PumpTotals(
            pumps=len(known), **_use(every), **_turns(every, seconds * len(known)),
            busiest_hour_of_day=_busiest(by_hour),
        ),
        tuple(PumpUse(pump_id=pump_id, **_use(one), **_turns(one, seconds)) for pump_id, one in known.items()),
        tuple(by_hour),
        tuple(
            PumpHour(pump_id, hour, _sold(one, hour), share(int(one.occupied[hour]), int(one.served[hour]), PER_MILLE))
            for pump_id, one in known.items() for hour in range(DAY_HOURS)
        ),
    )  # fmt: skip


def _in_order(pump: tuple[str, Any]) -> tuple[int, str]:
    """2 before 10."""
    return len(pump[0]), pump[0]


def _by_hour(times: PumpTimes, edges: Moments, clock: Moments) -> _Use24:
    def added(lengths: Moments) -> Moments:
        return np.array([lengths[clock == hour].sum() for hour in range(DAY_HOURS)], np.int64)

    def places(moments: Moments) -> Moments:
        return clock[np.clip(np.searchsorted(edges, moments, "right") - 1, 0, len(clock) - 1)]

    visits = times.visits
    occupied = painted(joined(visits.begins, visits.begins + visits.lasts), edges)
    inside = (visits.begins >= edges[0]) & (visits.begins < edges[-1])
    visits = visits.of(inside)
    out = painted(times.out, edges)
    return _Use24(
        visits, places(visits.begins), added(np.minimum(occupied, np.diff(edges) - out)), added(out),
        added(np.diff(edges) - out), places(times.counted_at), times.waiting,
    )  # fmt: skip


def _together(pumps: Sequence[_Use24]) -> _Use24:
    nothing = np.zeros(0, np.int64)

    def added(name: str) -> Moments:
        return sum((getattr(one, name) for one in pumps), np.zeros(DAY_HOURS, np.int64))

    def one_after_the_other(name: str) -> Moments:
        return np.concatenate([nothing, *(getattr(one, name) for one in pumps)])

    visits = [np.concatenate(columns) for columns in zip(*(one.visits for one in pumps), strict=True)]
    return _Use24(
        Visits(*visits) if visits else Visits(nothing, nothing, nothing, nothing > 0, nothing > 0),
        one_after_the_other("places"), added("occupied"), added("out"), added("served"),
        one_after_the_other("counted"), one_after_the_other("waiting"),
    )  # fmt: skip


def _use(known: _Use24, hour: int | None = None) -> dict[str, Any]:
    """The fields of _Use, of an hour of the day or of all."""
    hours = slice(None) if hour is None else slice(hour, hour + 1)
    chosen = np.ones(len(known.places), np.bool_) if hour is None else known.places == hour
    waiting = known.waiting if hour is None else known.waiting[known.counted == hour]
    visits = known.visits.of(chosen)
    return {
        "pump_orders": int(visits.sold.sum()), "cancelled_orders": int(visits.cancelled.sum()),
        "utilisation_per_mille": share(int(known.occupied[hours].sum()), int(known.served[hours].sum()), PER_MILLE),
        **_seconds("waiting", visits.waits[visits.waits != UNKNOWN]), **_seconds("occupied", visits.lasts[visits.sold]),
        "most_waiting_vehicles": int(waiting.max()) if len(waiting) else None,
        "waiting_vehicles_hundredths": share(int(waiting.sum()), len(waiting), HUNDREDTHS),
    }  # fmt: skip


def _seconds(name: str, times: Moments) -> dict[str, int | None]:
    """The mean, and what nine of ten are not longer than; half a second is rounded up."""
    if not len(times):
        return {f"{name}_seconds": None, f"{name}_p90_seconds": None}
    part, whole = NINE_OF_TEN
    place = -(-len(times) * part // whole) - 1
    return {
        f"{name}_seconds": rounded(int(times.sum()), len(times) * SECOND),
        f"{name}_p90_seconds": rounded(int(np.partition(times, place)[place]), SECOND),
    }


def _sold(known: _Use24, hour: int) -> int:
    return int((known.visits.sold & (known.places == hour)).sum())


def _turns(known: _Use24, seconds: int) -> dict[str, Any]:
    day = DAY_HOURS * HOUR.seconds
    return {
        "turns_per_day_hundredths": share(int(known.visits.sold.sum()) * day, seconds, HUNDREDTHS),
        "out_of_service_seconds": int(known.out.sum()) // SECOND,
    }


def _busiest(hours: Sequence[HourOfDayUse]) -> int | None:
    """The earliest of those that are busiest; None where nobody came."""
    best = max(hours, key=lambda one: (one.utilisation_per_mille or 0, -one.hour_of_day))
    return best.hour_of_day if best.utilisation_per_mille else None
