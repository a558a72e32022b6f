"""What fuel cost around a station: what a driver's own prices are held against."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time
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


async def averages(analytics: Analytics, wanted: Sequence[Wanted]) -> dict[Wanted, int | None]:
    """The mean price of the station and its neighbours on each day, in mills: what they asked on average at a time,
    weighted by time. None where the station is not known or nobody sold the fuel. By three queries, however many."""
    found: dict[Wanted, int | None] = dict.fromkeys(wanted)
    regions = await _regions(analytics, found)
    asked = {one: [(each, _asked(each, one)) for each in regions[one[0]]] for one in found if one[0] in regions}
    said = await Prices(analytics.views).said(each for region in asked.values() for _, each in region)
    for one, region in asked.items():
        currency = regions[one[0]][0].currency
        lines = [timeline(said[each].changes, currency, station.closed_at) for station, each in region]
        begins_at = _begins_at(one[2])
        found[one] = average(lines, milliseconds(begins_at), milliseconds(begins_at + DAY))
    return found


async def _regions(analytics: Analytics, wanted: Collection[Wanted]) -> dict[UUID, list[Station]]:
    """Each station that is known, with its neighbours after it."""
    if not wanted:
        return {}
    stations = Stations(analytics.views)
    known = await stations.stations_of(ids={station_id for station_id, _, _ in wanted})
    open_after = _begins_at(min(day for _, _, day in wanted))
    around = await stations.neighbours_of(known, open_after=open_after)
    return {one.station_id: [one, *near] for one, near in zip(known, around, strict=True)}


def _asked(station: Station, wanted: Wanted) -> Asked:
    begins_at = _begins_at(wanted[2])
    return Asked(station.station_id, wanted[1], begins_at, begins_at)


def _begins_at(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
