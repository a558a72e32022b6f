"""The routes of the searches: parse, find, answer."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from servicekit.cursors import decode_cursor
from servicekit.problems import problem_responses
from stations.api import views
from stations.api.parts import as_json, station_search
from stations.http_models import search as models
from stations.repository.search import Listing, Nearby
from stations.use_cases import search as use_cases

router = APIRouter(prefix="/v1", tags=["stations"])


@router.get(
    "/stations/nearby", summary="Find stations near a place", response_model=models.NearbyStations,
    responses=problem_responses(422, 503),
)  # fmt: skip
async def find_nearby_stations(request: Request, query: Annotated[models.NearbyQuery, Query()]) -> Response:
    """Stations around a place by exact distance on the sphere, or by price and then distance."""
    now = datetime.now(UTC)
    wanted = Nearby(
        query.lat, query.lon, query.radius_m, query.fuel, query.sort, query.brand, query.facility, query.limit
    )
    found = await use_cases.find_nearby(station_search(request), wanted, query.open_now, now)
    return as_json({"stations": [views.nearby_station(document, query.fuel, now) for document in found]})


@router.get(
    "/stations", summary="List stations", response_model=models.StationPage, responses=problem_responses(400, 422, 503)
)
async def list_stations(request: Request, query: Annotated[models.StationsQuery, Query()]) -> Response:
    """Stations in a stable order, in a box, by text, brand or operator, page by page."""
    box = models.parse_box(query.bbox) if query.bbox is not None else None
    after = decode_cursor(query.cursor, UUID) if query.cursor is not None else None
    listing = Listing(box, query.q, query.brand, query.operator, after, query.limit)
    return as_json(views.page(await station_search(request).page(listing), query.limit, datetime.now(UTC)))


@router.get(
    "/stations/{station_id}", summary="Look at a station", response_model=models.StationDetail,
    responses=problem_responses(404, 422, 503),
)  # fmt: skip
async def get_station(request: Request, station_id: UUID) -> Response:
    """A station with its hours, facilities, pumps and prices; one that closed for good says so."""
    document = await use_cases.find_station(station_search(request), station_id)
    return as_json(views.station_detail(document, datetime.now(UTC)))
