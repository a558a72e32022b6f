"""A driver's refuelling records."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from payments.api.context import payments_of
from payments.domain.records import Fill
from payments.http_models import records as models
from payments.repository.records import RecordFilter
from payments.use_cases.records import read_records
from schemas.events import ReportedMoment
from schemas.vocabulary import Fuel
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.problems import problem_responses

router = APIRouter(tags=["records"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Position = tuple[datetime, UUID]


@router.get(
    "/v1/records", summary="Look back at what you fuelled", response_model=models.Records,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_records(
    request: Request, driver: Driver,
    since: Annotated[ReportedMoment | None, Query(alias="from", description="Paid at this moment or later")] = None,
    until: Annotated[ReportedMoment | None, Query(alias="to", description="Paid before this moment")] = None,
    station_id: UUID | None = None, fuel: Fuel | None = None, vehicle_id: UUID | None = None,
    method: Annotated[
        str | None, Query(pattern="^[a-z][a-z_]{0,39}$", description="How it was paid", examples=["wechat"])
    ] = None,
    cursor: str | None = None, limit: Limit = 50,
) -> models.Records:  # fmt: skip
    """Your paid orders with their refunds, the latest first, and what all of the filter come to."""
    after = decode_cursor(cursor, Position) if cursor else None
    chosen = RecordFilter(driver.subject, since, until, station_id, fuel, vehicle_id, method)
    async with payments_of(request).store.connection() as connection:
        fills, totals, refunds = await read_records(connection, chosen, after, limit)
    return models.Records(
        records=[_record(fill, refunds) for fill in fills[:limit]],
        totals=[models.CurrencyTotals.model_validate(one) for one in totals],
        next_cursor=next_cursor(fills, limit, lambda fill: (fill.paid_at, fill.order_id)),
    )


def _record(fill: Fill, refunds: list[dict[str, object]]) -> models.Record:
    own = [models.RecordRefund(**one) for one in refunds if one["order_id"] == fill.order_id]  # pyright: ignore[reportArgumentType] - a row
    shown = {name: getattr(fill, name) for name in models.Record.model_fields if name != "refunds"}
    return models.Record(**shown, refunds=own)
