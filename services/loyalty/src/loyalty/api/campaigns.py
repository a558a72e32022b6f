"""Campaigns, as drivers see them."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.http_models import campaigns as models
from loyalty.http_models.terms import STATION
from loyalty.use_cases import public_campaigns
from loyalty.use_cases.public_campaigns import Around, place_in_list
from servicekit.access import ANYONE
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])

Latitude = Annotated[float | None, Query(ge=-90, le=90, description="WGS-84", examples=[52.52])]
Longitude = Annotated[float | None, Query(ge=-180, le=180, description="WGS-84", examples=[13.405])]
Radius = Annotated[int, Query(ge=1, le=50_000, description="Around lat and lon")]


@router.get(
    "", summary="Find campaigns", response_model=models.CampaignPage, responses=problem_responses(400, 404, 422, 503),
    openapi_extra=ANYONE,
)  # fmt: skip
async def find_campaigns(
    request: Request, station_id: Annotated[UUID | None, Query(examples=[STATION])] = None, lat: Latitude = None,
    lon: Longitude = None, radius_m: Radius = 10_000, cursor: str | None = None, limit: Annotated[Limit, Query()] = 50,
) -> Response:  # fmt: skip
    """What holds now at a station, or around a place: say one of them. Some hold for some drivers or hours only."""
    after = decode_cursor(cursor, tuple[int, str]) if cursor is not None else None
    found = await public_campaigns.holding(loyalty_of(request), _where(station_id, lat, lon, radius_m))
    rest = [one for one in found if after is None or place_in_list(one) > after]
    page = {"campaigns": rest[:limit], "next_cursor": next_cursor(rest, limit, place_in_list)}
    return Response(msgspec.json.encode(page), media_type="application/json")


@router.get(
    "/{campaign_id}", summary="Look at a campaign", response_model=models.PublicCampaign,
    responses=problem_responses(404, 422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def get_campaign(request: Request, campaign_id: Annotated[UUID, Path(examples=[models.CAMPAIGN])]) -> Response:
    """What it gives, when, where and for whom, also after it ended. Nobody sees one that was not published."""
    shown = await public_campaigns.published(loyalty_of(request), campaign_id)
    return Response(msgspec.json.encode(shown), media_type="application/json")


def _where(station_id: UUID | None, lat: float | None, lon: float | None, radius_m: int) -> UUID | Around:
    if station_id is not None and lat is None and lon is None:
        return station_id
    if station_id is None and lat is not None and lon is not None:
        return Around(lat, lon, radius_m)
    raise Problem(422, "say-where", "Say where: a station_id, or lat and lon.")
