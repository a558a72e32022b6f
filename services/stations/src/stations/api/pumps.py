"""The routes of pumps: parse, call the use case, answer."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from servicekit.access import ANYONE
from servicekit.problems import problem_responses
from stations.api.parts import PumpSystem, as_json, pumps_of, station_search, stations_of
from stations.domain.profile import PumpId
from stations.domain.pumps import PumpReport, queue_at
from stations.http_models import pumps as models
from stations.repository.stations import Document
from stations.use_cases import pumps as use_cases
from stations.use_cases.access import in_milliseconds
from stations.use_cases.search import find_station

router = APIRouter(prefix="/v1", tags=["stations"])


@router.get(
    "/stations/{station_id}/pumps", summary="Look at a station's pumps", response_model=models.Pumps,
    responses=problem_responses(404, 422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def list_pumps(request: Request, station_id: UUID) -> Response:
    """The pumps of a station, what each does now, and how busy they are."""
    document = await find_station(station_search(request), station_id)
    pumps = document["pumps"]
    return as_json({"station_id": station_id, "queue": queue_at(pumps), "pumps": [shown_pump(pump) for pump in pumps]})


@router.put(
    "/stations/{station_id}/pumps/{pump_id}", summary="Say what a pump does", response_model=models.SetPump,
    responses=problem_responses(400, 401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def set_pump(
    request: Request, station_id: UUID, pump_id: PumpId, body: models.PumpUpdate, principal: PumpSystem
) -> Response:
    """Sets what a pump does; a pump that was not known becomes known. Others hear of it only on change.

    A report of an earlier time than the last one changes nothing and is answered as `superseded`.
    """
    occurred_at = in_milliseconds(body.occurred_at) if body.occurred_at is not None else None
    report = PumpReport(pump_id, body.status, body.fuels, body.waiting_vehicles, occurred_at)
    pump, verdict = await use_cases.set_pump(stations_of(request), pumps_of(request), principal, station_id, report)
    return as_json(shown_pump(asdict(pump)) | {"verdict": verdict})


def shown_pump(stored: Document) -> dict[str, Any]:
    """A ShownPump."""
    shown = ("pump_id", "status", "fuels", "version", "changed_at")
    return {"waiting_vehicles": stored.get("waiting_vehicles"), **{name: stored[name] for name in shown}}
