"""What payments asks while a payer waits; see `schemas.reservations`. The gateway never forwards to it."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.use_cases import reservations
from schemas.reservations import PATH, ReservationRequest
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix=PATH, include_in_schema=False)

Driver = Annotated[Principal, Requires(Permission.PAY)]


@router.post("", responses=problem_responses(401, 403, 409, 422, 503))
async def reserve(request: Request, body: ReservationRequest, driver: Driver) -> Response:
    """Sets aside what the driver asks for and what campaigns give, until the payment has ended."""
    loyalty = loyalty_of(request)
    answer = await reservations.reserve(loyalty, driver.subject, body, datetime.now(UTC))
    return Response(answer.model_dump_json(), media_type="application/json")


@router.post("/{reservation_id}/release", status_code=204, responses=problem_responses(401, 403, 422, 503))
async def release(request: Request, reservation_id: UUID, driver: Driver) -> None:
    """Gives it back; nothing happens where it is unknown, over, or another driver's."""
    await reservations.release(loyalty_of(request), driver.subject, reservation_id, datetime.now(UTC))
