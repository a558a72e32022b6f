"""Current prices and their history."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from pricing.api.store import store_of
from pricing.http_models import prices as models
from pricing.repository import prices, stations
from schemas.events import ReportedMoment
from schemas.vocabulary import Fuel
from servicekit.cursors import decode_cursor, encode_cursor
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])

MAX_IDS = 100


@router.get("/prices", response_model=models.CurrentPrices, responses=problem_responses(422, 503))
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


@router.get(
    "/stations/{station_id}/prices/history", response_model=models.PriceHistory,
    responses=problem_responses(400, 404, 422, 503),
)  # fmt: skip
async def get_price_history(
    request: Request, station_id: UUID, fuel: Fuel,
    since: Annotated[ReportedMoment | None, Query(alias="from", description="Default: 30 days before `to`")] = None,
    until: Annotated[ReportedMoment | None, Query(alias="to", description="Default: now")] = None,
    cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> models.PriceHistory:  # fmt: skip
    """How a price changed, the latest change first."""
    until = until or datetime.now(UTC) + timedelta(minutes=10)
    since = since or until - timedelta(days=30)
    before = decode_cursor(cursor, models.HistoryPosition) if cursor else None
    async with store_of(request).connection() as connection:
        if await stations.unknown_stations(connection, [station_id]):
            raise Problem(404, "unknown-station", "There is no station with this id.")
        rows = await prices.price_history(connection, station_id, fuel, since, until, before, limit + 1)
    entries = [models.PriceHistoryEntry(**row) for row in rows[:limit]]
    last = entries[-1] if len(rows) > limit else None
    next_cursor = encode_cursor((last.effective_at, last.report_id)) if last else None
    return models.PriceHistory(station_id=station_id, fuel=fuel, entries=entries, next_cursor=next_cursor)


def _current_price(row: Any, now: datetime) -> models.CurrentPrice:
    age_seconds = max(0, int((now - row["effective_at"]).total_seconds()))
    return models.CurrentPrice(**row, age_seconds=age_seconds)
