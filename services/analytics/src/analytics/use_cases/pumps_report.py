"""The report of a station's pumps, read from the view of their days."""

import asyncio
from datetime import UTC, datetime

from analytics.domain.folds.pump_days import PumpDays
from analytics.domain.folds.station_prices import milliseconds
from analytics.domain.periods import DAY, Period
from analytics.domain.pump_times import pump_times
from analytics.domain.pumps import PumpsReport, pumps_report
from analytics.domain.sources import topics_of
from analytics.repository.pumps import Pumps
from analytics.repository.stations import Station
from analytics.use_cases.context import Analytics
from analytics.use_cases.freshness import complete_until


async def read_pumps(analytics: Analytics, station: Station, period: Period) -> PumpsReport:
    """How busy the pumps were in the period; of a part that is to come, or not read yet, nothing is said."""
    now = datetime.now(UTC)
    known_until = await complete_until(analytics, topics_of(PumpDays.events))
    until = max(period.starts_at, min(known_until or now, now, period.ends_at))
    pumps = Pumps(analytics.views)
    first, last = period.starts_at.date() - DAY, period.ends_at.date() + DAY
    days, said = await pumps.days(station.station_id, first, last), await pumps.last_said(station.station_id, first)

    def report() -> PumpsReport:
        begin, end = milliseconds(period.starts_at), milliseconds(until)
        every = {one: pump_times(days.get(one, ()), said.get(one), begin, end) for one in {*days, *said}}
        return pumps_report(period, until, every)

    return await asyncio.to_thread(report)
