"""Reports about a station: whose they are, about which days, and what they are compared with."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from analytics.domain import periods
from analytics.domain.documents import Document
from analytics.domain.periods import BadPeriod, Compare, Period, zone_of
from analytics.domain.reports import Head
from analytics.repository.stations import Station, Stations
from analytics.use_cases.context import Analytics
from analytics.use_cases.freshness import views_complete_until
from analytics.use_cases.report_kinds import ReportKind
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.problems import Problem


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to know of a station: days in its own time, by default the 30 that end with today."""

    first_day: date | None = None
    last_day: date | None = None
    compare: Compare = Compare.NONE


@dataclass(frozen=True, slots=True)
class Reading:
    """A report that was read, and the same of the days that it is compared with."""

    kind: ReportKind
    station: Station
    head: Head
    report: Any
    compare: Compare = Compare.NONE
    before: Any | None = None

    @property
    def document(self) -> Document:
        """What files show of it."""
        return self.kind.document(self.head, self.report, self.before)


async def station_of(analytics: Analytics, principal: Principal, station_id: UUID) -> Station:
    """A station whose reports the caller may read; Problem 404 for any other, so that none is found out."""
    station = await Stations(analytics.views).station(station_id)
    if station is None or not principal.may_act_for(str(station_id), station.operator, Permission.REPORTS_READ):
        raise Problem(404, "no-such-station", "No such station, or it is not yours; check the station_id.")
    return station


def period_of(asked: Asked, zone: ZoneInfo, now: datetime | None = None) -> Period:
    """The days that were asked for; Problem 422 where there is no report of such days."""
    try:
        return periods.period_of(asked.first_day, asked.last_day, zone, now or datetime.now(UTC))
    except BadPeriod as error:
        raise Problem(422, "bad-period", str(error)) from error


async def read_report(analytics: Analytics, kind: ReportKind, station: Station, asked: Asked) -> Reading:
    """The report of a station, and the one that it is compared with."""
    made_at = datetime.now(UTC)
    period = period_of(asked, zone_of(station.time_zone), made_at)
    known_until = await views_complete_until(analytics, kind.views)  # before the figures: they have at least that
    report = await kind.read(analytics, station, period)
    earlier = period.compared(asked.compare)
    before = await kind.read(analytics, station, earlier) if earlier else None
    head = Head(kind.name, station.name, period, station.currency, made_at, known_until, earlier)
    return Reading(kind, station, head, report, asked.compare, before)
