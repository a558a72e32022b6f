"""A station's price among its neighbours'."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from pricing.api.store import store_of
from pricing.domain.position import MAX_RADIUS_M, position
from pricing.http_models.position import PricePosition
from pricing.repository import position as repository
from pricing.repository import stations
from schemas.vocabulary import Fuel
from servicekit.access import ANYONE
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])


@router.get(
    "/stations/{station_id}/prices/position", response_model=PricePosition,
    responses=problem_responses(404, 409, 422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def get_price_position(
    request: Request, station_id: UUID, fuel: Fuel,
    radius_m: Annotated[int, Query(ge=100, le=MAX_RADIUS_M, examples=[5_000])] = 5_000,
) -> PricePosition:  # fmt: skip
    """How a station's price compares with those of the stations around it."""
    fresh = datetime.now(UTC) - request.app.state.settings.stale_after
    async with store_of(request).connection() as connection:
        station = await stations.station_row(connection, station_id)
        if station["lat"] is None:
            raise Problem(409, "place-unknown", "Where this station lies is not known here yet; import it once more.")
        place, currency = (station["lat"], station["lon"]), station["currency"]
        prices = await repository.prices_around(connection, place, radius_m, fuel, currency, fresh)
    own = prices.pop(station_id, None)
    return PricePosition(
        station_id=station_id, fuel=fuel, radius_m=radius_m, currency=currency, price_mills=own,
        **asdict(position(own, list(prices.values()))),
    )  # fmt: skip
