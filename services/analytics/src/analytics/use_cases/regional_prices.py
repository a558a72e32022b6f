"""What fuel cost around a station: what a driver's own prices are held against."""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime, time
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from analytics.domain.folds.station_prices import milliseconds
from analytics.domain.periods import DAY
from analytics.domain.price_position import average
from analytics.domain.timelines import timeline
from analytics.repository.prices import Asked, Prices
from analytics.repository.stations import Station, Stations
from analytics.use_cases.context import Analytics

Wanted = tuple[UUID, str, date]
"""Station, fuel, and a day of UTC."""
NEAR = 10 * DAY
"""Days no further apart are read together: one more search in the index costs as much as so many documents."""


class Run(NamedTuple):
    """Days of one station and fuel that are near one another, in order."""

    station_id: UUID
    fuel: str
    days: tuple[date, ...]


async def averages(analytics: Analytics, wanted: Collection[Wanted]) -> dict[Wanted, int | None]:
    """The mean price of the station and its neighbours on each day, in mills: what they asked on average at a time,
    weighted by time. None where the station is not known or nobody sold the fuel. By three queries, however many."""
    found: dict[Wanted, int | None] = dict.fromkeys(wanted)
    regions = await _regions(analytics, found)
    asked = {run: [_asked(one, run) for one in regions.get(run.station_id, ())] for run in _runs(found)}
    said = await Prices(analytics.views).said(one for region in asked.values() for one in region)
    for run, region in asked.items():
        stations = regions.get(run.station_id, [])
        lines = [
            timeline(said[one].changes, stations[0].currency, station.closed_at)
            for station, one in zip(stations, region, strict=True)
        ]
        for day in run.days:
            bounds = milliseconds(_begins(day)), milliseconds(_begins(day + DAY))
            found[run.station_id, run.fuel, day] = average(lines, *bounds)
    return found


async def _regions(analytics: Analytics, wanted: Collection[Wanted]) -> dict[UUID, list[Station]]:
    """Each station that is known, with its neighbours after it."""
    if not wanted:
        return {}
    stations = Stations(analytics.views)
    known = await stations.stations_of(ids={station_id for station_id, _, _ in wanted})
    open_after = _begins(min(day for _, _, day in wanted))
    around = await stations.neighbours_of(known, open_after=open_after)
    return {one.station_id: [one, *near] for one, near in zip(known, around, strict=True)}


def _runs(wanted: Iterable[Wanted]) -> Iterator[Run]:
    """The days of each station and fuel, those that are near one another together."""
    for (station_id, fuel), group in groupby(sorted(wanted), key=lambda one: one[:2]):
        days: list[date] = []
        for *_, day in group:
            if days and day - days[-1] > NEAR:
                yield Run(station_id, fuel, tuple(days))
                days = []
            days.append(day)
        yield Run(station_id, fuel, tuple(days))


def _asked(station: Station, run: Run) -> Asked:
    return Asked(station.station_id, run.fuel, _begins(run.days[0]), _begins(run.days[-1]))


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
