"""The routes of the searches: parse, find, answer."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from servicekit.access import ANYONE
from servicekit.cursors import decode_cursor
from servicekit.problems import problem_responses
from stations.api import views
from stations.api.answers import along, nearby, on_map
from stations.api.parts import as_json, station_search
from stations.domain.datum import Datum
from stations.domain.index.search import Search
from stations.http_models import queries
from stations.http_models import search as models
from stations.repository.search import Listing, Position
from stations.use_cases import search as use_cases

router = APIRouter(prefix="/v1", tags=["stations"])


def _index(request: Request) -> Search:
    """This replica's search index. Raises Problem 503 while it is loading."""
    request.app.state.indexer.require_loaded()
    return request.app.state.search


def _view(request: Request, datum: Datum) -> views.View:
    return views.View(datetime.now(UTC), request.app.state.settings.stale_after, datum)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


@router.get(
    "/stations/nearby", summary="Find stations near a place", response_model=models.NearbyStations,
    responses=problem_responses(422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def find_nearby_stations(request: Request, query: Annotated[queries.NearbyQuery, Query()]) -> Response:
    """Stations around a place by exact distance on the sphere, by price, or by what a litre really costs.

    A net price is the pump price less the best campaign that holds for everyone, plus the fuel for the way there and
    back; its parts are shown. Prices that nobody has confirmed for long are marked stale and come last.
    """
    return _json(nearby(_index(request), query))


@router.get(
    "/stations/along", summary="Find stations along a route", response_model=models.StationsAlong,
    responses=problem_responses(422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def find_stations_along(request: Request, query: Annotated[queries.AlongQuery, Query()]) -> Response:
    """Stations whose detour from the route is short enough, by detour, price, or what a litre really costs.

    A detour is twice the distance from the route, times 1.3 since roads are not straight.
    """
    return _json(along(_index(request), query))


@router.get(
    "/stations/clusters", summary="Show stations on a map", response_model=models.StationClusters,
    responses=problem_responses(422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def show_station_clusters(request: Request, query: Annotated[queries.ClustersQuery, Query()]) -> Response:
    """What a map of this box shows at this zoom: clusters of stations that lie close together, and single stations.

    However large the box, at most 500 of both; up to 50 stations are all shown singly.
    """
    return _json(on_map(_index(request), query))


@router.get(
    "/stations", summary="List stations", response_model=models.StationPage, responses=problem_responses(400, 422, 503),
    openapi_extra=ANYONE,
)  # fmt: skip
async def list_stations(request: Request, query: Annotated[queries.StationsQuery, Query()]) -> Response:
    """Stations in a stable order, in a box, by text, brand or operator, page by page; a new one is there at once."""
    box = queries.parse_box(query.bbox, query.coordinate) if query.bbox is not None else None
    after = decode_cursor(query.cursor, Position) if query.cursor is not None else None
    listing = Listing(box, query.q, query.brand, query.operator, after, query.limit)
    found = await station_search(request).page(listing)
    return as_json(views.page(found, query.limit, _view(request, query.coordinate)))


@router.get(
    "/stations/{station_id}", summary="Look at a station", response_model=models.StationDetail,
    responses=problem_responses(404, 422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def get_station(request: Request, station_id: UUID, query: Annotated[queries.InDatum, Query()]) -> Response:
    """A station with its hours, facilities, pumps and prices; one that closed for good says so."""
    document = await use_cases.find_station(station_search(request), station_id)
    return as_json(views.station_detail(document, _view(request, query.coordinate)))
