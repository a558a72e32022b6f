"""Finding stations: one function per search."""

from datetime import datetime
from uuid import UUID

from servicekit.problems import Problem
from stations.domain.stations import open_at
from stations.repository.search import Nearby, StationSearch
from stations.repository.stations import Document


async def find_nearby(search: StationSearch, wanted: Nearby, only_open: bool, now: datetime) -> list[Document]:
    """The stations around a place, best first; with `only_open` those that are surely open, however far down."""
    if not only_open:
        return await search.nearby(wanted)
    return await search.nearby_if(wanted, lambda station: open_at(station["profile"], now) is True)


async def find_station(search: StationSearch, station_id: UUID) -> Document:
    """The station with all that is stored of it. Raises Problem 404."""
    station = await search.station(station_id)
    if station is None:
        raise no_such_station()
    return station


def no_such_station() -> Problem:
    """The 404 of every route that names a station."""
    return Problem(404, "no-such-station", "There is no station with this id; GET /v1/stations lists those there are.")
