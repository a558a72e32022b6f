"""A station's hours and days, from the view of its hours."""

import asyncio
from datetime import datetime

from analytics.domain.days import DaysReport, days_report
from analytics.domain.hours import HoursReport, hours_report
from analytics.domain.periods import Period
from analytics.domain.sales import Sales
from analytics.repository.station_hours import StationHours
from analytics.repository.stations import Station
from analytics.use_cases.context import Analytics


async def read_hours(analytics: Analytics, station: Station, period: Period) -> HoursReport:
    """What the station sold, hour by hour."""
    books = StationHours(analytics.views)
    found = await books.hours(station.station_id, station.currency, period)
    sales = {hour["begins_at"]: Sales.of_document(hour) for hour in found}
    for first_at in await books.newcomers(station.station_id, period):
        if hour := sales.get(_hour_of(first_at)):
            hour.new_drivers += 1
    days = await read_days(analytics, station, period)
    return await asyncio.to_thread(hours_report, period, sales, days)  # of a year it has thousands of rows


async def read_days(analytics: Analytics, station: Station, period: Period) -> DaysReport:
    """What the station sold, day by day."""
    found = await StationHours(analytics.views).days(station.station_id, station.currency, period.whole_months)
    return days_report(period, {day: Sales.of_document(one) for day, one in found.items()})


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
