"""Current prices."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from pricing.api.store import store_of
from pricing.http_models import prices as models
from pricing.repository import prices, stations
from schemas.vocabulary import Fuel
from servicekit.access import ANYONE
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])

MAX_IDS = 100


@router.get(
    "/prices", response_model=models.CurrentPrices, responses=problem_responses(422, 503),
    openapi_extra=ANYONE,
)  # fmt: skip
async def get_prices(
    request: Request,
    station_id: Annotated[list[UUID], Query(min_length=1, max_length=MAX_IDS)],
    fuel: Fuel | None = None,
) -> models.CurrentPrices:
    """Current prices of up to 100 stations."""
    async with store_of(request).connection() as connection:
        rows = await prices.current_prices(connection, station_id, fuel)
        unknown = await stations.unknown_stations(connection, station_id)
    now = datetime.now(UTC)
    return models.CurrentPrices(prices=[_current_price(row, now) for row in rows], unknown_stations=unknown)


def _current_price(row: Any, now: datetime) -> models.CurrentPrice:
    age_seconds = max(0, int((now - row["effective_at"]).total_seconds()))
    return models.CurrentPrice(**row, age_seconds=age_seconds)
