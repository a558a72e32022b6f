"""The reconciliation of a day with the providers' bills."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from payments.api.context import payments_of
from payments.domain.reconciliation import Run, Ticket, billed_at
from payments.http_models import reconciliations as models
from payments.repository.bill_checks import CHECKS as BILL_CHECKS
from payments.repository.checks import CHECKS
from payments.use_cases import reconciliations as use_cases
from payments.use_cases.reconciliation_outside import request_run
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1/reconciliations", tags=["finance"])

Finance = Annotated[Principal, Requires(Permission.FINANCE)]
Day = Annotated[date, Path(description="A day in Asia/Shanghai, whose bills they are", examples=[models.DAY])]
SENTENCES = {check.name: check.what for check in (*CHECKS, *BILL_CHECKS)}
EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)


@router.get(
    "/{date}", summary="See how a day reconciles", response_model=models.Reconciliation,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def get_reconciliation(
    request: Request, date: Day, finance: Finance, cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> models.Reconciliation:  # fmt: skip
    """What was charged for your stations on a day beside what the bills say, and each difference as a ticket."""
    _require_day(date)
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with payments_of(request).store.connection() as connection:
        day = await use_cases.read_day(connection, finance, date, before, limit + 1)
    return models.Reconciliation(
        date=day.date, billed_at=billed_at(day.date), runs=list(map(_shown_run, day.runs)),
        totals=[models.Total(**one) for one in day.totals], tickets=list(map(_shown, day.tickets[:limit])),
        next_cursor=next_cursor(day.tickets, limit, lambda one: one.ticket_id),
    )  # fmt: skip


@router.post(
    "/{date}/run", status_code=202, summary="Reconcile a day now", response_model=models.RunRequest,
    responses=problem_responses(401, 403, 409, 422, 503)
    | {200: {"model": models.RunRequest, "description": "It was done some minutes ago"}},
)  # fmt: skip
async def run_reconciliation(request: Request, response: Response, date: Day, finance: Finance) -> models.RunRequest:
    """Compares the day with the providers' bills, soon and one day at a time; GET shows how far it is.

    Asked again within some minutes, it is the same run.
    """
    _require_day(date)
    runs = await request_run(payments_of(request), date, finance.subject)
    if all(run.finished_at for run in runs):
        response.status_code = 200
    return models.RunRequest(date=date, runs=list(map(_shown_run, runs)))


def _require_day(day: date) -> None:
    if not EARLIEST <= day <= LATEST:
        raise Problem(422, "invalid-input", f"The date lies between {EARLIEST} and {LATEST}.")


def _shown_run(run: Run) -> models.Run:
    return models.Run.model_validate(run)


def _shown(ticket: Ticket) -> models.Ticket:
    fields = {name: getattr(ticket, name) for name in models.Ticket.model_fields if hasattr(ticket, name)}
    return models.Ticket.model_validate(fields | {"what": SENTENCES.get(ticket.check_name, ticket.check_name)})
