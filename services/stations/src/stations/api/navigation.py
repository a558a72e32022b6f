"""The route of navigation links: parse, find the station, answer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from servicekit.access import ANYONE
from servicekit.problems import Problem, problem_responses
from stations.api.parts import as_json, station_search
from stations.domain.datum import from_datum
from stations.domain.navigation import Provider, navigation
from stations.http_models import navigation as models
from stations.use_cases.search import find_station

router = APIRouter(prefix="/v1", tags=["stations"])


@router.get(
    "/stations/{station_id}/navigation", summary="Find the way to a station",
    response_model=models.ProviderNavigation | models.Navigation, responses=problem_responses(404, 410, 422, 503),
    openapi_extra=ANYONE,
)  # fmt: skip
async def navigate(request: Request, station_id: UUID, query: Annotated[models.NavigationQuery, Query()]) -> Response:
    """Links that open the way in the map of one provider, or of all five, with the datum that the map has there."""
    station = await find_station(station_search(request), station_id)
    if station["closed_at"] is not None:
        raise Problem(410, "station-closed", "The station closed for good; GET /v1/stations/nearby finds another.")
    profile = station["profile"]
    start = from_datum(*models.parse_place(query.start), query.coordinate) if query.start is not None else None
    ways = [
        navigation(provider, (profile["lat"], profile["lon"]), profile["name"], profile["address"]["city"], start)
        for provider in ([query.provider] if query.provider else Provider)
    ]
    return as_json(ways[0] if query.provider else {"station_id": station_id, "providers": ways})
