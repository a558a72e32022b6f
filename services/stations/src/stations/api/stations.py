"""The routes: parse, call the use case, answer."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response, Security

from servicekit.auth import Principal, authenticate
from servicekit.cursors import decode_cursor
from servicekit.problems import Problem, problem_responses
from stations.api import views
from stations.domain.profile import PumpId
from stations.http_models import stations as models
from stations.repository.search import Listing, Nearby, StationSearch
from stations.repository.stations import StationRepository
from stations.use_cases import stations as use_cases

router = APIRouter(prefix="/v1", tags=["stations"])

Editor = Annotated[Principal, Security(authenticate, scopes=["stations:write"])]
PumpSystem = Annotated[Principal, Security(authenticate, scopes=["pumps:write"])]


def _stations(request: Request) -> StationRepository:
    return StationRepository(request.app.state.store)


def _search(request: Request) -> StationSearch:
    return StationSearch(request.app.state.store)


def _json(document: Any) -> Response:
    """Encoded at once: a response model for each price would cost more than the query."""
    return Response(msgspec.json.encode(document), media_type="application/json")


@router.post(
    "/station-imports", summary="Import an operator's stations", response_model=models.ImportVerdict,
    responses=problem_responses(400, 401, 403, 413, 422, 503),
)  # fmt: skip
async def import_stations(request: Request, body: models.StationImport, principal: Editor) -> Response:
    """Registers and updates stations, up to 1,000 rows, with one verdict per row; the same rows again change nothing.

    Stations that a later import leaves out stay as they are; `POST /v1/stations/{id}/closures` closes one.
    """
    if body.operator not in principal.operators:
        raise Problem(403, "not-your-operator", "Your access token is not bound to this operator.")
    return _json(
        views.import_verdict(await use_cases.import_stations(_stations(request), body.operator, body.stations))
    )


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
    found = await use_cases.find_nearby(_search(request), wanted, query.open_now, now)
    return _json({"stations": [views.nearby_station(document, query.fuel, now) for document in found]})


@router.get(
    "/stations", summary="List stations", response_model=models.StationPage, responses=problem_responses(400, 422, 503)
)
async def list_stations(request: Request, query: Annotated[models.StationsQuery, Query()]) -> Response:
    """Stations in a stable order, in a box, by text, brand or operator, page by page."""
    box = models.parse_box(query.bbox) if query.bbox is not None else None
    after = decode_cursor(query.cursor, UUID) if query.cursor is not None else None
    listing = Listing(box, query.q, query.brand, query.operator, after, query.limit)
    return _json(views.page(await _search(request).page(listing), query.limit, datetime.now(UTC)))


@router.get(
    "/stations/{station_id}", summary="Look at a station", response_model=models.StationDetail,
    responses=problem_responses(404, 422, 503),
)  # fmt: skip
async def get_station(request: Request, station_id: UUID) -> Response:
    """A station with its hours, facilities, pumps and prices; one that closed for good says so."""
    document = await use_cases.find_station(_search(request), station_id)
    return _json(views.station_detail(document, datetime.now(UTC)))


@router.get(
    "/stations/{station_id}/pumps", summary="Look at a station's pumps", response_model=models.Pumps,
    responses=problem_responses(404, 422, 503),
)  # fmt: skip
async def list_pumps(request: Request, station_id: UUID) -> Response:
    """The pumps of a station and what each does now."""
    document = await use_cases.find_station(_search(request), station_id)
    return _json({"station_id": station_id, "pumps": document["pumps"]})


@router.put(
    "/stations/{station_id}/pumps/{pump_id}", summary="Say what a pump does", response_model=models.ShownPump,
    responses=problem_responses(400, 401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def set_pump(
    request: Request, station_id: UUID, pump_id: PumpId, body: models.PumpUpdate, principal: PumpSystem
) -> Response:
    """Sets a pump's status and grades; a pump that was not known becomes known. Others hear of it only on change."""
    return _json(await use_cases.set_pump(_stations(request), principal, station_id, pump_id, body.status, body.fuels))


@router.post(
    "/stations/{station_id}/closures", summary="Close a station for good", response_model=models.ClosedStation,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def close_station(request: Request, station_id: UUID, body: models.Closure, principal: Editor) -> Response:
    """Closes a station for good: it leaves the searches and takes no more prices. Closing it again changes nothing."""
    station = await use_cases.close_station(_stations(request), principal, station_id, body.reason)
    return _json(
        {"station_id": station.id, "closed_at": station.closed_at, "closed_reason": station.closed_reason,
         "version": station.version}
    )  # fmt: skip
