"""Trying campaigns on past orders."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request

from loyalty.api.context import loyalty_of
from loyalty.http_models import simulations as models
from loyalty.use_cases import simulating
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/campaigns/{campaign_id}", tags=["campaigns"])

Staff = Annotated[Principal, Requires(Permission.CAMPAIGNS_WRITE)]


@router.post(
    "/simulate", summary="Try a campaign on past orders", response_model=models.SimulationResult,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def simulate(request: Request, campaign_id: UUID, body: models.SimulationWish, staff: Staff) -> dict[str, Any]:
    """What it would have cost, whom it would have reached and who gains, had it held in this time with its budget and
    caps, beside the discounts that were given. A draft must be simulated before it is published."""
    return await simulating.simulate(loyalty_of(request), staff, campaign_id, body.from_at, body.until)


@router.get(
    "/simulation", summary="See the last simulation of a campaign", response_model=models.SimulationResult,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def last_simulation(request: Request, campaign_id: UUID, staff: Staff) -> dict[str, Any]:
    """What came out the last time; compare its `version` with the campaign's."""
    return await simulating.last_simulation(loyalty_of(request), staff, campaign_id)
