"""The report across all stations that somebody is bound to, or a part of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from analytics.domain import documents
from analytics.domain.overview import Overview, StationSold, document, overview
from analytics.domain.periods import Period, zone_of
from analytics.domain.reports import Head
from analytics.domain.sales import SUMS
from analytics.domain.views import Document
from analytics.repository.station_hours import StationHours
from analytics.repository.stations import Station, Stations
from analytics.use_cases.context import Analytics
from analytics.use_cases.freshness import views_complete_until
from analytics.use_cases.reporting import Asked, period_of
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.problems import Problem

NAME = "overview"
VIEWS = ("station-hours", "stations")
MAX_STATIONS = 20_000
"""More than any operator has; a bound on the work of one request."""
NOTHING: Document = dict.fromkeys(SUMS, 0)


@dataclass(frozen=True, slots=True)
class OverviewReading:
    """An overview that was read, and the same of the days that it is compared with."""

    head: Head
    now: Overview
    before: Overview | None

    @property
    def document(self) -> documents.Document:
        """What files show of it."""
        return document(self.head, self.now, self.before)


async def overview_stations(analytics: Analytics, principal: Principal, operator: str | None) -> list[Station]:
    """The stations whose reports the caller may read, of one operator where it is named.

    Raises Problem 404 where there are none of it, 422 where there are too many for one report.
    """
    operators, ids = principal.bindings(Permission.REPORTS_READ)
    asked = operators if operator is None else operators & {operator}
    found = await Stations(analytics.views).stations_of(asked, ids)
    stations = [one for one in found if operator in (None, one.operator)]
    if operator is not None and not stations and operator not in operators:
        raise Problem(404, "no-such-operator", "No such operator, or none of its stations is yours; check `operator`.")
    if len(stations) > MAX_STATIONS:
        raise Problem(422, "too-many-stations", f"Ask for one operator: more than {MAX_STATIONS} stations are yours.")
    return stations


async def read_overview(analytics: Analytics, stations: Sequence[Station], asked: Asked) -> OverviewReading:
    """What these stations sold on the days, each by its own clock."""
    made_at = datetime.now(UTC)
    zones = {station.time_zone: zone_of(station.time_zone) for station in stations}
    period = period_of(asked, _furthest(list(zones.values()), made_at), made_at)
    earlier = period.compared(asked.compare)
    known_until = await views_complete_until(analytics, VIEWS)  # before the figures: they have at least that
    now = await _overview(analytics, stations, period)
    before = await _overview(analytics, stations, earlier) if earlier else None
    operators = sorted({station.operator for station in stations})
    currency = now.sections[0].currency if len(now.sections) == 1 else None
    head = Head(NAME, ", ".join(operators), period, currency, made_at, known_until, earlier)
    return OverviewReading(head, now, before)


def _furthest(zones: Sequence[ZoneInfo], now: datetime) -> ZoneInfo:
    """Where the day is the latest: what is today there is not a day to come."""
    return max(zones, key=lambda zone: now.astimezone(zone).replace(tzinfo=None), default=ZoneInfo("UTC"))


async def _overview(analytics: Analytics, stations: Sequence[Station], period: Period) -> Overview:
    """Stations that sold nothing are there in their own currency, unless they are closed."""
    books, sold = StationHours(analytics.views), list[StationSold]()
    for name in sorted({station.time_zone for station in stations}):
        mine = {station.station_id: station for station in stations if station.time_zone == name}
        there = Period(period.first_day, period.last_day, zone_of(name))
        sums = await books.stations(list(mine), there)
        idle = {(one.station_id, one.currency): NOTHING for one in mine.values() if one.closed_at is None}
        sold += [StationSold(key[0], mine[key[0]].name, key[1], of) for key, of in (idle | sums).items()]
    return overview(sold)
