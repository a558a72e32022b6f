"""Pricing's routes."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response, Security

from pricing import http_models as models
from pricing import repository, use_cases
from pricing.domain import Report, Verdict
from schemas.vocabulary import Fuel
from servicekit.auth import Principal, authenticate
from servicekit.cursors import decode_cursor, encode_cursor
from servicekit.idempotency import IdempotentRequest, Reply, once, require_key
from servicekit.postgres import Connection, PostgresStore
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])

Reporter = Annotated[Principal, Security(authenticate, scopes=[use_cases.WRITE_SCOPE])]
MAX_IDS = 100


def _store(request: Request) -> PostgresStore:
    return request.app.state.store


@router.post(
    "/price-reports", response_model=models.BatchVerdict, responses=problem_responses(400, 401, 403, 409, 413, 422, 503)
)
async def submit_price_reports(
    request: Request, batch: models.PriceReportBatch, principal: Reporter,
    idempotency_key: Annotated[str | None, Header(description="Optional: each report_id is idempotent anyway")] = None,
) -> Response:  # fmt: skip
    """Reports prices; the reply has one verdict per report. Sending the same reports again changes nothing."""
    now = datetime.now(UTC)
    reports = use_cases.to_reports(batch.reports, principal, batch.submitted_at or now, now)

    async def effect(tx: Connection) -> Reply:
        return Reply(200, _verdicts_json(reports, await use_cases.submit_reports(tx, reports)))

    if idempotency_key is None:
        reply = await _store(request).transact(effect)
    else:
        key = require_key(idempotency_key)
        asked = IdempotentRequest(principal.subject, "POST /v1/price-reports", key, await request.body())
        reply = await _store(request).transact(lambda tx: once(tx, asked, lambda: effect(tx)))
    return Response(reply.body, reply.status, media_type="application/json")


@router.get("/price-reports", response_model=models.StoredVerdicts, responses=problem_responses(401, 403, 422, 503))
async def get_price_reports(
    request: Request, principal: Reporter, report_id: Annotated[list[str], Query(min_length=1, max_length=MAX_IDS)]
) -> models.StoredVerdicts:
    """What became of reports you sent, by their ids: for reports sent by Kafka, or after a lost reply."""
    async with _store(request).connection() as connection:
        rows = await repository.verdicts(connection, principal.subject, report_id)
    return models.StoredVerdicts(verdicts=[models.StoredVerdict(**row) for row in rows])


@router.get("/prices", response_model=models.CurrentPrices, responses=problem_responses(422, 503))
async def get_prices(
    request: Request,
    station_id: Annotated[list[UUID], Query(min_length=1, max_length=MAX_IDS)],
    fuel: Fuel | None = None,
) -> models.CurrentPrices:
    """Current prices of up to 100 stations."""
    async with _store(request).connection() as connection:
        rows = await repository.current_prices(connection, station_id, fuel)
        unknown = await repository.unknown_stations(connection, station_id)
    now = datetime.now(UTC)
    return models.CurrentPrices(prices=[_current_price(row, now) for row in rows], unknown_stations=unknown)


@router.get(
    "/stations/{station_id}/prices/history", response_model=models.PriceHistory,
    responses=problem_responses(400, 404, 422, 503),
)  # fmt: skip
async def get_price_history(
    request: Request, station_id: UUID, fuel: Fuel,
    since: Annotated[datetime | None, Query(alias="from", description="Default: 30 days before `to`")] = None,
    until: Annotated[datetime | None, Query(alias="to", description="Default: now")] = None,
    cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> models.PriceHistory:  # fmt: skip
    """How a price changed, the latest change first."""
    until = _aware(until or datetime.now(UTC) + timedelta(minutes=10), "to")
    since = _aware(since or until - timedelta(days=30), "from")
    before = decode_cursor(cursor, models.HistoryPosition) if cursor else None
    async with _store(request).connection() as connection:
        if await repository.unknown_stations(connection, [station_id]):
            raise Problem(404, "unknown-station", "There is no station with this id.")
        rows = await repository.price_history(connection, station_id, fuel, since, until, before, limit + 1)
    entries = [models.PriceHistoryEntry(**row) for row in rows[:limit]]
    last = entries[-1] if len(rows) > limit else None
    next_cursor = encode_cursor((last.effective_at, last.report_id)) if last else None
    return models.PriceHistory(station_id=station_id, fuel=fuel, entries=entries, next_cursor=next_cursor)


def _aware(moment: datetime, name: str) -> datetime:
    if moment.tzinfo is None:
        raise Problem(422, "invalid-input", f"`{name}` needs a time zone, for example 2026-04-30T12:00:00Z.")
    return moment


def _current_price(row: Any, now: datetime) -> models.CurrentPrice:
    age_seconds = max(0, int((now - row["effective_at"]).total_seconds()))
    return models.CurrentPrice(**row, age_seconds=age_seconds)


def _verdicts_json(reports: list[Report], verdicts: list[Verdict]) -> bytes:
    """The reply, encoded at once: a model per item would cost more than deciding on it."""
    return msgspec.json.encode(
        {
            "verdicts": [
                {
                    "report_id": report.report_id, "verdict": verdict.outcome, "reason": verdict.reason,
                    "version": verdict.version, "repeated": verdict.repeated, "received_at": verdict.received_at,
                }
                for report, verdict in zip(reports, verdicts, strict=True)
            ]
        }
    )  # fmt: skip
