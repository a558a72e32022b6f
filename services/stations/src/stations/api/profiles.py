"""The routes that register and change a single station: parse, call the use case, answer."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from servicekit.problems import problem_responses
from stations.api import views
from stations.api.parts import Editor, as_json, station_search, stations_of
from stations.http_models.profiles import NewStation, StationPatch
from stations.http_models.search import StationDetail
from stations.use_cases import profiles as use_cases
from stations.use_cases.access import require_operator
from stations.use_cases.search import find_station

router = APIRouter(prefix="/v1", tags=["stations"])


@router.post(
    "/stations", summary="Register a station", response_model=StationDetail, status_code=201,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503),
)  # fmt: skip
async def register_station(request: Request, body: NewStation, principal: Editor) -> Response:
    """Makes a single station known, by the rules of an import; `POST /v1/station-imports` takes many."""
    require_operator(principal, body.operator)
    station_id = await use_cases.register_station(stations_of(request), body.operator, body.row())
    response = await _detail(request, station_id, 201)
    response.headers["Location"] = f"/v1/stations/{station_id}"
    return response


@router.patch(
    "/stations/{station_id}", summary="Change a station", response_model=StationDetail,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def change_station(request: Request, station_id: UUID, body: StationPatch, principal: Editor) -> Response:
    """Changes what you name and leaves the rest (RFC 7396): null removes a field, parts of `address` change alone.

    With `version` it happens only if nobody changed the station since you read it. Pumps are described, never removed.
    """
    await use_cases.change_station(stations_of(request), principal, station_id, body.changes(), body.version)
    return await _detail(request, station_id, 200)


async def _detail(request: Request, station_id: UUID, status: int) -> Response:
    view = views.View(datetime.now(UTC), request.app.state.settings.stale_after)
    return as_json(views.station_detail(await find_station(station_search(request), station_id), view), status)
