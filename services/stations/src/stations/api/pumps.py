"""The routes of pumps: parse, call the use case, answer."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from servicekit.problems import problem_responses
from stations.api.parts import PumpSystem, as_json, station_search, stations_of
from stations.domain.profile import PumpId
from stations.http_models import pumps as models
from stations.use_cases import pumps as use_cases
from stations.use_cases.search import find_station

router = APIRouter(prefix="/v1", tags=["stations"])


@router.get(
    "/stations/{station_id}/pumps", summary="Look at a station's pumps", response_model=models.Pumps,
    responses=problem_responses(404, 422, 503),
)  # fmt: skip
async def list_pumps(request: Request, station_id: UUID) -> Response:
    """The pumps of a station and what each does now."""
    document = await find_station(station_search(request), station_id)
    return as_json({"station_id": station_id, "pumps": document["pumps"]})


@router.put(
    "/stations/{station_id}/pumps/{pump_id}", summary="Say what a pump does", response_model=models.ShownPump,
    responses=problem_responses(400, 401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def set_pump(
    request: Request, station_id: UUID, pump_id: PumpId, body: models.PumpUpdate, principal: PumpSystem
) -> Response:
    """Sets a pump's status and grades; a pump that was not known becomes known. Others hear of it only on change."""
    return as_json(
        await use_cases.set_pump(stations_of(request), principal, station_id, pump_id, body.status, body.fuels)
    )
