"""Shifts of a station's crew."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from payments.api.context import payments_of
from payments.domain.shifts import Meter, Shift, Till
from payments.http_models import shifts as models
from payments.use_cases import shifts as use_cases
from payments.use_cases.shifts import Counted
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["station"])

Crew = Annotated[Principal, Requires(Permission.ORDERS_WRITE)]
StationId = Annotated[UUID, Path(examples=[models.STATION])]
ShiftId = Annotated[UUID, Path(examples=[models.SHIFT])]


@router.post(
    "/stations/{station_id}/shifts", status_code=201, summary="Open a shift", response_model=models.Shift,
    responses=problem_responses(401, 403, 404, 409, 422, 503)
    | {200: {"model": models.Shift, "description": "You had opened it already"}},
)  # fmt: skip
async def open_shift(request: Request, response: Response, station_id: StationId, crew: Crew) -> models.Shift:
    """Begins a shift. A station has one open at a time; what is paid meanwhile belongs to it."""
    shift, is_new = await payments_of(request).store.transact(
        lambda tx: use_cases.open_shift(tx, crew, station_id)
    )  # fmt: skip
    response.status_code = 201 if is_new else 200
    return _shown(shift)


@router.get(
    "/stations/{station_id}/shifts", summary="List a station's shifts", response_model=models.ShiftPage,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def list_shifts(
    request: Request, station_id: StationId, crew: Crew, cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> models.ShiftPage:  # fmt: skip
    """A station's shifts, the newest first."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with payments_of(request).store.connection() as connection:
        found = await use_cases.list_shifts(connection, crew, station_id, before, limit + 1)
    return models.ShiftPage(
        shifts=[_shown(one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.shift_id),
    )


@router.get(
    "/shifts/{shift_id}", summary="Look at a shift", response_model=models.Shift,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_shift(request: Request, shift_id: ShiftId, crew: Crew) -> models.Shift:
    """A shift with its numbers: as they were at its close, or as far as it has come."""
    async with payments_of(request).store.connection() as connection:
        return _shown(await use_cases.look_at_shift(connection, crew, shift_id))


@router.post(
    "/shifts/{shift_id}/close", summary="Close a shift", response_model=models.Shift,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def close_shift(
    request: Request, shift_id: ShiftId, crew: Crew, body: models.ShiftClose | None = None
) -> models.Shift:
    """Ends a shift and freezes its numbers. Closed again, it is as it was; with other counts that is 409."""
    counted = _counted(body.counted if body else None)
    return _shown(
        await payments_of(request).store.transact(lambda tx: use_cases.close_shift(tx, crew, shift_id, counted))
    )


def _counted(counts: models.Counts | None) -> Counted:
    if counts is None:
        return Counted()
    return Counted(
        tuple(Meter(one.pump_id, one.fuel, one.meter_start_ml, one.meter_end_ml) for one in counts.meters),
        tuple(Till(one.method, one.amount_minor) for one in counts.tills),
        counts.model_dump(mode="json"),
    )


def _shown(shift: Shift) -> models.Shift:
    return models.Shift.model_validate(asdict(shift) | {"counted": shift.counted or None})
