"""What the route files share: who asks, the repositories of a request, and answers as JSON."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import Request, Response

from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from stations.repository.favourites import FavouriteRepository
from stations.repository.pumps import PumpRepository
from stations.repository.reviews import ReviewRepository
from stations.repository.search import StationSearch
from stations.repository.stations import StationRepository

Editor = Annotated[Principal, Requires(Permission.STATIONS_WRITE)]
PumpSystem = Annotated[Principal, Requires(Permission.PUMPS_WRITE)]
ZonedMoment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in a cursor; one without a zone could not be compared."""
Driver = Annotated[Principal, Requires(Permission.DRIVER)]


def stations_of(request: Request) -> StationRepository:
    """The stations that change; this replica's searches know at once."""
    return StationRepository(request.app.state.store, request.app.state.indexer.take_saved)


def pumps_of(request: Request) -> PumpRepository:
    """What is stored of pumps."""
    return PumpRepository(request.app.state.store)


def favourites_of(request: Request) -> FavouriteRepository:
    """Drivers' favourites."""
    return FavouriteRepository(request.app.state.store, request.app.state.vault)


def reviews_of(request: Request) -> ReviewRepository:
    """Reviews and ratings."""
    return ReviewRepository(request.app.state.store, request.app.state.vault)


def station_search(request: Request) -> StationSearch:
    """The stations as readers see them."""
    return StationSearch(request.app.state.store)


def as_json(document: Any, status: int = 200) -> Response:
    """Encoded at once: a response model for each price would cost more than the query."""
    return Response(msgspec.json.encode(document), status, media_type="application/json")
