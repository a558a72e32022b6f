"""The history of a price."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response

from pricing.api.store import store_of
from pricing.domain.history import EPOCH, MAX_WINDOW, MICROSECOND, Bucket, cut, edges, zone_of
from pricing.http_models import history as models
from pricing.repository import history, stations
from schemas.events import ReportedMoment
from schemas.vocabulary import Fuel
from servicekit.access import ANYONE
from servicekit.cursors import decode_cursor, encode_cursor
from servicekit.postgres import Connection
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])

DEFAULT_WINDOW = timedelta(days=30)
MAX_AHEAD = timedelta(minutes=10)
"""Raw changes may begin a little later than now: a station's clock may run ahead."""


@router.get(
    "/stations/{station_id}/prices/history", response_model=models.PriceHistory | models.BucketedHistory,
    responses=problem_responses(400, 404, 422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def get_price_history(
    request: Request, station_id: UUID, fuel: Fuel,
    since: Annotated[ReportedMoment | None, Query(alias="from", description="Default: 30 days before `to`")] = None,
    until: Annotated[ReportedMoment | None, Query(alias="to", description="Default: now")] = None,
    bucket: Annotated[Bucket, Query(description="hour, day: up to 366 days on one page")] = Bucket.RAW,
    cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100, description="Of raw changes")] = 50,
) -> models.PriceHistory | Response:  # fmt: skip
    """How a price changed, the latest change first; or what it was in each hour or day, the earliest first."""
    now = datetime.now(UTC)
    until = until or now + MAX_AHEAD
    since = since or until - DEFAULT_WINDOW
    before = decode_cursor(cursor, models.HistoryPosition) if cursor else None
    async with store_of(request).connection() as connection:
        station = await stations.station_row(connection, station_id)
        if bucket is Bucket.RAW:
            rows = await history.price_history(connection, station_id, fuel, since, until, before, limit + 1)
            return _page(station_id, fuel, rows, limit)
        return await _bucketed(connection, station, fuel, since, min(until, now), bucket)


def _page(station_id: UUID, fuel: Fuel, rows: list[Any], limit: int) -> models.PriceHistory:
    entries = [models.PriceHistoryEntry(**row) for row in rows[:limit]]
    last = entries[-1] if len(rows) > limit else None
    next_cursor = encode_cursor((last.effective_at, last.report_id)) if last else None
    return models.PriceHistory(station_id=station_id, fuel=fuel, entries=entries, next_cursor=next_cursor)


async def _bucketed(
    connection: Connection, station: Any, fuel: Fuel, since: datetime, until: datetime, bucket: Bucket
) -> Response:
    if not timedelta() < until - since <= MAX_WINDOW:
        detail = "`from` is before `to` and before now, and at most 366 days before; ask for a year at a time."
        raise Problem(422, "bad-window", detail)
    zone = zone_of(station["time_zone"])
    between = edges(since, until, bucket, zone, until)
    first = EPOCH + int(between[0]) * MICROSECOND
    told = await history.price_timeline(connection, station["station_id"], fuel, station["currency"], first, until)
    document = {
        "station_id": station["station_id"], "fuel": fuel, "bucket": bucket, "time_zone": zone.key,
        "currency": station["currency"], "buckets": list(map(_Row, *cut(told, between))),
    }  # fmt: skip
    return Response(msgspec.json.encode(document), media_type="application/json")


class _Row(msgspec.Struct, gc=False):
    """http_models.PriceBucket, encoded at a tenth of a model's cost: a year has 8,784 hours."""

    starts_at: str
    open_mills: int | None
    close_mills: int | None
    min_mills: int | None
    max_mills: int | None
    mean_mills: int | None
    changes: int
