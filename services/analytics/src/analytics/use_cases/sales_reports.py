"""A station's hours and days, added up from the view of its hours."""

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

from analytics.domain.days import DaysReport, days_report
from analytics.domain.hours import HoursReport, hours_report
from analytics.domain.periods import Period
from analytics.domain.sales import Sales
from analytics.repository.station_hours import StationHours
from analytics.repository.stations import Station
from analytics.use_cases.context import Analytics

Bucket = TypeVar("Bucket", date, datetime)


async def read_hours(analytics: Analytics, station: Station, period: Period) -> HoursReport:
    """What the station sold, hour by hour."""
    return hours_report(period, await _sales(analytics, station, period, _hour_of))


async def read_days(analytics: Analytics, station: Station, period: Period) -> DaysReport:
    """What the station sold, day by day."""
    return days_report(period, await _sales(analytics, station, period, period.day_of))


async def _sales(
    analytics: Analytics, station: Station, period: Period, bucket_of: Callable[[datetime], Bucket]
) -> dict[Bucket, Sales]:
    """What was sold in the buckets in which something was; new drivers were there for the first time ever."""
    books, times = StationHours(analytics.views), (period.starts_at, period.ends_at)
    sales: dict[Bucket, Sales] = {}
    for hour in await books.hours(station.station_id, station.currency, *times):
        sales.setdefault(bucket_of(hour["begins_at"]), Sales()).add(hour)
    for first_at in await books.newcomers(station.station_id, *times):
        if (bucket := bucket_of(first_at)) in sales:
            sales[bucket].new_drivers += 1
    return sales


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
