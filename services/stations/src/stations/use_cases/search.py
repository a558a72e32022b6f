"""Looking a station up."""

from uuid import UUID

from servicekit.problems import Problem
from stations.repository.search import StationSearch
from stations.repository.stations import Document


async def find_station(search: StationSearch, station_id: UUID) -> Document:
    """The station with all that is stored of it. Raises Problem 404."""
    station = await search.station(station_id)
    if station is None:
        raise no_such_station()
    return station


def no_such_station() -> Problem:
    """The 404 of every route that names a station."""
    return Problem(404, "no-such-station", "There is no station with this id; GET /v1/stations lists those there are.")
