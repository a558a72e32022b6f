"""Reports of station systems."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from pricing.api.store import store_of
from pricing.domain.reports import Report, Verdict
from pricing.http_models import reports as models
from pricing.repository import reports as repository
from pricing.use_cases import reports as use_cases
from schemas.events import ReportId
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.idempotency import IdempotentRequest, Reply, once, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])

Reporter = Annotated[Principal, Requires(Permission.PRICES_WRITE)]
MAX_IDS = 100


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
        reply = await store_of(request).transact(effect)
    else:
        key = require_key(idempotency_key)
        asked = IdempotentRequest(principal.subject, "POST /v1/price-reports", key, await request.body())
        reply = await store_of(request).transact(lambda tx: once(tx, asked, lambda: effect(tx)))
    return Response(reply.body, reply.status, media_type="application/json")


@router.get("/price-reports", response_model=models.StoredVerdicts, responses=problem_responses(401, 403, 422, 503))
async def get_price_reports(
    request: Request, principal: Reporter, report_id: Annotated[list[ReportId], Query(min_length=1, max_length=MAX_IDS)]
) -> models.StoredVerdicts:
    """What became of reports you sent, by their ids: for reports sent by Kafka, or after a lost reply."""
    async with store_of(request).connection() as connection:
        rows = await repository.verdicts(connection, principal.subject, report_id)
    return models.StoredVerdicts(verdicts=[_stored_verdict(row) for row in rows])


def _stored_verdict(row: Any) -> models.StoredVerdict:
    findings = [models.Finding(**finding._asdict()) for finding in repository.findings_of(row["findings"])]
    return models.StoredVerdict(**{**row, "findings": findings})


def _verdicts_json(reports: list[Report], verdicts: list[Verdict]) -> bytes:
    """The reply, encoded at once: a model per item would cost more than deciding on it."""
    return msgspec.json.encode(
        {
            "verdicts": [
                {
                    "report_id": report.report_id, "verdict": verdict.outcome, "reason": verdict.reason,
                    "rule": verdict.rule, "findings": [finding._asdict() for finding in verdict.findings],
                    "version": verdict.version, "repeated": verdict.repeated, "received_at": verdict.received_at,
                }
                for report, verdict in zip(reports, verdicts, strict=True)
            ]
        }
    )  # fmt: skip
