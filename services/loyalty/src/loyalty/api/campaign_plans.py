"""Campaigns, as staff plan, publish and stop them."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.domain.campaigns import Command
from loyalty.domain.terms import Status
from loyalty.http_models import campaigns as models
from loyalty.http_models.conflicts import CampaignConflicts
from loyalty.use_cases import campaign_plans, campaigns, conflicts
from loyalty.use_cases.campaigns import Doing
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit, Operator
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["campaigns"])

Staff = Annotated[Principal, Requires(Permission.CAMPAIGNS_WRITE)]
CampaignId = Annotated[UUID, Path(examples=[models.CAMPAIGN])]
DOING = problem_responses(400, 401, 403, 404, 409, 413, 422, 503)


@router.post(
    "/campaigns", status_code=201, summary="Plan a campaign", response_model=models.Campaign,
    responses=problem_responses(400, 401, 403, 404, 413, 422, 503),
)  # fmt: skip
async def make_campaign(request: Request, body: models.NewCampaign, staff: Staff) -> Response:
    """A draft: it gives nothing and nobody else sees it. Simulate it, then publish it."""
    made = await loyalty_of(request).store.transact(lambda tx: campaigns.make(tx, staff, body.as_terms()))
    return _as_json(campaign_plans.terms_of(made), 201)


@router.patch(
    "/campaigns/{campaign_id}", summary="Change a campaign", response_model=models.Campaign, responses=DOING
)  # fmt: skip
async def change_campaign(
    request: Request, campaign_id: CampaignId, body: models.CampaignChange, staff: Staff
) -> Response:  # fmt: skip
    """A JSON merge patch: what you leave out stays.

    Before it is published all terms may change, and it must be simulated again. After that its name, description and
    end may, and its budget and caps may grow; whatever drivers were promised stays.
    """
    doing = Doing(staff, campaign_id, body.version)
    changed = await loyalty_of(request).store.transact(lambda tx: campaigns.change(tx, doing, body.as_terms()))
    return _as_json(campaign_plans.terms_of(changed))


@router.post(
    "/campaigns/{campaign_id}/publish", summary="Publish a campaign", response_model=models.Campaign, responses=DOING
)  # fmt: skip
async def publish_campaign(
    request: Request, campaign_id: CampaignId, body: models.CampaignStep, staff: Staff
) -> Response:
    """It holds from its start on, or at once where that has passed. Its terms must have been simulated as they are."""
    return await _act(request, Doing(staff, campaign_id, body.version), Command.PUBLISH)


@router.post(
    "/campaigns/{campaign_id}/pause", summary="Pause a campaign", response_model=models.Campaign, responses=DOING
)  # fmt: skip
async def pause_campaign(
    request: Request, campaign_id: CampaignId, body: models.CampaignStop, staff: Staff
) -> Response:
    """It gives nothing more, everywhere, within 5 seconds. What is set aside for a driver who pays right now stays."""
    return await _act(request, Doing(staff, campaign_id, body.version, body.reason), Command.PAUSE)


@router.post(
    "/campaigns/{campaign_id}/resume", summary="Resume a campaign", response_model=models.Campaign, responses=DOING
)  # fmt: skip
async def resume_campaign(
    request: Request, campaign_id: CampaignId, body: models.CampaignStep, staff: Staff
) -> Response:
    """A paused campaign holds again, by its times."""
    return await _act(request, Doing(staff, campaign_id, body.version), Command.RESUME)


@router.post(
    "/campaigns/{campaign_id}/end", summary="End a campaign", response_model=models.Campaign, responses=DOING
)  # fmt: skip
async def end_campaign(request: Request, campaign_id: CampaignId, body: models.CampaignStop, staff: Staff) -> Response:
    """For good, within 5 seconds everywhere. A draft is given up by it."""
    return await _act(request, Doing(staff, campaign_id, body.version, body.reason), Command.END)


@router.get(
    "/campaign-plans", summary="List the campaigns that you plan", response_model=models.CampaignPlanPage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_campaign_plans(
    request: Request, staff: Staff, operator: Operator | None = None, status: Status | None = None,
    cursor: str | None = None, limit: Annotated[Limit, Query()] = 50,
) -> Response:  # fmt: skip
    """The campaigns of your operators and stations, drafts too, the newest first."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with loyalty_of(request).store.connection() as connection:
        found = await campaign_plans.plans(connection, staff, operator, status, before, limit + 1)
    after = next_cursor(found, limit, lambda one: one["campaign_id"])
    return _as_json({"campaigns": found[:limit], "next_cursor": after})


@router.get(
    "/campaign-plans/{campaign_id}", summary="Look at a campaign that you plan",
    response_model=models.WholeCampaignPlan, responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_campaign_plan(request: Request, campaign_id: CampaignId, staff: Staff) -> Response:
    """All its terms, what was taken of its budget, how often and by how many drivers, and its history."""
    async with loyalty_of(request).store.connection() as connection:
        return _as_json(await campaign_plans.plan(connection, staff, campaign_id))


@router.get(
    "/campaigns/{campaign_id}/conflicts", summary="See what a campaign meets", response_model=CampaignConflicts,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_conflicts(request: Request, campaign_id: CampaignId, staff: Staff) -> Response:
    """The operator's other campaigns that are out and hold for some of the same fills: where, how they combine, and
    the most that is taken off at once."""
    return _as_json(await conflicts.conflicts(loyalty_of(request), staff, campaign_id))


async def _act(request: Request, doing: Doing, command: Command) -> Response:
    done = await loyalty_of(request).store.transact(lambda tx: campaigns.act(tx, doing, command))
    return _as_json(campaign_plans.terms_of(done))


def _as_json(document: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json")
