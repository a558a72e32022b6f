"""A driver's monthly bill: as JSON, as a CSV file, and as a PDF to keep."""

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from payments.api.context import payments_of
from payments.domain.bills import DEFAULT_ZONE, MONTH_PATTERN
from payments.domain.bills import Bill as BillOfMonth
from payments.http_models import bills as models
from payments.http_models.records import CurrencyTotals, FillShown
from payments.use_cases import bill_files
from payments.use_cases.bills import read_bill
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.files import CSV, PDF, Language, file_answer, file_response, language_of
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/bills", tags=["records"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Month = Annotated[str, Path(pattern=MONTH_PATTERN, description="Year and month", examples=["2026-11"])]
Zone = Annotated[
    str, Query(max_length=64, description="IANA time zone in which the month begins and ends", examples=[DEFAULT_ZONE])
]
PROBLEMS = problem_responses(401, 403, 409, 422, 503)


# The longer paths first: `{month}` alone would take the ending for a part of the month.
@router.get(
    "/{month}.csv", summary="Download a month as CSV", response_class=Response,
    responses=file_response(CSV, "date") | PROBLEMS,
)  # fmt: skip
async def get_bill_csv(
    request: Request, month: Month, driver: Driver, time_zone: Zone = DEFAULT_ZONE, language: Language = None
) -> Response:
    """A row for each fill, refund and recharge; UTF-8 with a byte order mark, which spreadsheets open rightly."""
    bill = await read_bill(payments_of(request), driver.subject, month, time_zone)
    chosen = language_of(request, language)
    return file_answer(bill_files.csv_file(bill, chosen), f"{CSV}; charset=utf-8", chosen, f"forecourt-{month}.csv")


@router.get(
    "/{month}.pdf", summary="Download a month as PDF", response_class=Response,
    responses=file_response(PDF, "%PDF-1.7") | PROBLEMS,
)  # fmt: skip
async def get_bill_pdf(
    request: Request, month: Month, driver: Driver, time_zone: Zone = DEFAULT_ZONE, language: Language = None
) -> Response:
    """The bill to keep or print; of a month with very many fills it shows the days, and the CSV each fill."""
    payments = payments_of(request)
    bill = await read_bill(payments, driver.subject, month, time_zone)
    chosen = language_of(request, language)
    document = await bill_files.pdf_file(payments, bill, driver.subject, chosen)
    return file_answer(document, PDF, chosen, f"forecourt-{month}.pdf")


@router.get("/{month}", summary="See a month", response_model=models.Bill, responses=PROBLEMS)
async def get_bill(request: Request, month: Month, driver: Driver, time_zone: Zone = DEFAULT_ZONE) -> models.Bill:
    """What you paid, what went back, and what is on your cards, by currency; sums that add up to the minor unit."""
    return _shown(await read_bill(payments_of(request), driver.subject, month, time_zone))


def _shown(bill: BillOfMonth) -> models.Bill:
    month = bill.month
    return models.Bill(
        month=str(month), time_zone=month.zone.key, starts_at=month.starts_at.astimezone(UTC),
        ends_at=month.ends_at.astimezone(UTC),
        is_complete=bill.is_complete,
        currencies=[
            models.BillCurrency(
                currency=part.currency, totals=CurrencyTotals.model_validate(part.totals),
                refunded_minor=part.refunded_minor, net_minor=part.net_minor, recharged_minor=part.recharged_minor,
                fills=[FillShown.model_validate(one) for one in part.fills],
                refunds=[models.BillRefund.model_validate(one) for one in part.refunds],
                recharges=[models.BillRecharge.model_validate(one) for one in part.recharges],
                cards=[models.BillCard.model_validate(one) for one in part.cards],
            )
            for part in bill.currencies
        ],
    )  # fmt: skip
