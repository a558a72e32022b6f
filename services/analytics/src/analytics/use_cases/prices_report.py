"""The report of a station's prices, read from the views of stations, of their prices and of their hours."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from analytics.domain.periods import Period
from analytics.domain.prices import AROUND, Known, Neighbour, PricesReport, prices_report
from analytics.domain.timelines import timeline
from analytics.repository.prices import Asked, Prices, Said, day_of
from analytics.repository.stations import Station, Stations, distance_m
from analytics.use_cases.context import Analytics


async def read_prices(analytics: Analytics, station: Station, period: Period) -> PricesReport:
    """What the station asked in the period and what its neighbours did; of a part that is to come nothing is said."""
    until, prices = datetime.now(UTC), Prices(analytics.views)
    since, after = period.starts_at - AROUND, period.ends_at + AROUND
    neighbours = await Stations(analytics.views).neighbours(station, open_after=period.starts_at)
    stations = [station, *neighbours]
    asked = {
        fuel: [Asked(one.station_id, fuel, day_of(since), day_of(after)) for one in stations]
        for fuel in await prices.fuels(station.station_id)
    }  # fmt: skip
    said = await prices.said(one for of_fuel in asked.values() for one in of_fuel)
    sold = await prices.sold(station.station_id, station.currency, since, after)
    names = [Neighbour(one.name, one.brand, round(distance_m(station, one))) for one in neighbours]

    def report() -> PricesReport:
        known = {
            fuel: _known(stations, [said[one] for one in of_fuel], sold.get(fuel, {}))
            for fuel, of_fuel in asked.items()
        }  # fmt: skip
        return prices_report(period, until, known, names)

    return await asyncio.to_thread(report)  # for a year of prices it takes as long as many requests


def _known(stations: Sequence[Station], said: Sequence[Said], sold: Mapping[int, tuple[int, int]]) -> Known:
    """What the first of the stations asked and sold, and what the others asked in its currency."""
    currency = stations[0].currency
    own, *others = (
        timeline(one.changes, currency, station.closed_at) for station, one in zip(stations, said, strict=True)
    )
    return Known(own, others, sold, said[0].confirmations)
