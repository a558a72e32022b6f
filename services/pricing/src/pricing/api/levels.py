"""Price levels of regions."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from pricing.api.store import store_of
from pricing.http_models import levels as models
from pricing.repository import levels as repository
from schemas.vocabulary import Fuel, Region
from servicekit.access import ANYONE
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])


@router.get(
    "/prices/levels", response_model=models.PriceLevels, responses=problem_responses(422, 503),
    openapi_extra=ANYONE,
)  # fmt: skip
async def get_price_levels(
    request: Request, region: Annotated[Region, Query(examples=["DE", "AT-9"])], fuel: Fuel | None = None
) -> models.PriceLevels:
    """What is cheap, usual and dear in a country or one of its subdivisions; at most some seconds old."""
    async with store_of(request).connection() as connection:
        rows = await repository.levels(connection, region, fuel)
    return models.PriceLevels(region=region, levels=[models.PriceLevel(**row) for row in rows])
