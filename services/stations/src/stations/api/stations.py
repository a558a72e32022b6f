"""The routes that register, describe and close stations: parse, call the use case, answer."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from servicekit.problems import problem_responses
from stations.api import views
from stations.api.parts import Editor, as_json, stations_of
from stations.http_models import stations as models
from stations.use_cases import stations as use_cases
from stations.use_cases.access import require_operator

router = APIRouter(prefix="/v1", tags=["stations"])


@router.post(
    "/station-imports", summary="Import an operator's stations", response_model=models.ImportVerdict,
    responses=problem_responses(400, 401, 403, 413, 422, 503),
)  # fmt: skip
async def import_stations(request: Request, body: models.StationImport, principal: Editor) -> Response:
    """Registers and updates stations, up to 1,000 rows, with one verdict per row; the same rows again change nothing.

    Stations that a later import leaves out stay as they are; `POST /v1/stations/{id}/closures` closes one.
    """
    require_operator(principal, body.operator)
    return as_json(
        views.import_verdict(await use_cases.import_stations(stations_of(request), body.operator, body.stations))
    )


@router.post(
    "/stations/{station_id}/closures", summary="Close a station for good", response_model=models.ClosedStation,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def close_station(request: Request, station_id: UUID, body: models.Closure, principal: Editor) -> Response:
    """Closes a station for good: it leaves the searches and takes no more prices. Closing it again changes nothing."""
    station = await use_cases.close_station(stations_of(request), principal, station_id, body.reason)
    return as_json(
        {"station_id": station.id, "closed_at": station.closed_at, "closed_reason": station.closed_reason,
         "version": station.version}
    )  # fmt: skip
