"""A campaign across stations."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Request, Response

from analytics.api.context import Reader, analytics_of
from analytics.api.reports import PROBLEMS, FirstDay, LastDay
from analytics.http_models.campaigns import CampaignShown
from analytics.use_cases.campaign_across import read_across
from analytics.use_cases.reporting import Asked

router = APIRouter(prefix="/v1/reports", tags=["reports"])

CampaignId = Annotated[UUID, Path(examples=["01930b5e-7c1a-7000-8000-3f0e2a9b4c17"])]


@router.get(
    "/overview/campaigns/{campaign_id}", summary="See what a campaign changed", response_model=CampaignShown,
    responses=PROBLEMS,
)  # fmt: skip
async def get_campaign_across(
    request: Request, reader: Reader, campaign_id: CampaignId, first_day: FirstDay = None, last_day: LastDay = None
) -> Response:
    """What a campaign gave at all your stations, and what changed by it: they are taken as one station, and compared
    with the weeks before and with stations of the same operators nearby without it. Those that opened or closed
    meanwhile are no part of the effect."""
    found = await read_across(analytics_of(request), reader, campaign_id, Asked(first_day, last_day))
    body = {
        "campaign_id": campaign_id, "campaign": found.campaign.name, "first_day": found.period.first_day,
        "last_day": found.period.last_day, "made_at": found.made_at, "complete_until": found.complete_until,
        "rows": found.rows,
    }  # fmt: skip
    return Response(msgspec.json.encode(body), media_type="application/json")
