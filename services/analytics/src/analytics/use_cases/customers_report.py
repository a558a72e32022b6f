"""A station's customers, read from the view of its drivers."""

import asyncio

from analytics.domain.customers import CustomersReport, customers_report, history_from
from analytics.domain.periods import Period
from analytics.domain.views import Document
from analytics.domain.visits import customers_of
from analytics.repository.customers import Customers
from analytics.repository.stations import Station
from analytics.use_cases.context import Analytics


async def read_customers(analytics: Analytics, station: Station, period: Period) -> CustomersReport:
    """Who came to the station, how often, and who comes back."""
    since = history_from(period)
    async with analytics.report_turns.take():
        documents = await Customers(analytics.views).visits(
            station.station_id, station.currency, since, period.ends_at
        )  # fmt: skip
        return await asyncio.to_thread(_made, period, documents)  # of a large station it takes a while


def _made(period: Period, documents: list[Document]) -> CustomersReport:
    return customers_report(period, customers_of(documents))
