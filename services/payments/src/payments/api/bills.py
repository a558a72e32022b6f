"""A driver's monthly bill: as JSON, as a CSV file, and as a PDF to keep."""

from typing import Annotated, Literal

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
from servicekit.languages import best_language
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/bills", tags=["records"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Month = Annotated[str, Path(pattern=MONTH_PATTERN, description="Year and month", examples=["2026-11"])]
Zone = Annotated[
    str, Query(max_length=64, description="IANA time zone in which the month begins and ends", examples=[DEFAULT_ZONE])
]
Language = Annotated[Literal["en", "zh"] | None, Query(description="Of the file; else what Accept-Language likes best")]
CSV, PDF = "text/csv", "application/pdf"
PROBLEMS = problem_responses(401, 403, 409, 422, 503)


def _file(media_type: str, beginning: str) -> dict[int | str, dict[str, object]]:
    """OpenAPI's words for a route that answers with a file."""
    schema = {"type": "string", "format": "binary", "examples": [beginning]}
    return {200: {"description": "The file", "content": {media_type: {"schema": schema}}}}


# The longer paths first: `{month}` alone would take the ending for a part of the month.
@router.get(
    "/{month}.csv", summary="Download a month as CSV", response_class=Response, responses=_file(CSV, "date") | PROBLEMS,
)  # fmt: skip
async def get_bill_csv(
    request: Request, month: Month, driver: Driver, time_zone: Zone = DEFAULT_ZONE, language: Language = None
) -> Response:
    """A row for each fill, refund and recharge; UTF-8 with a byte order mark, which spreadsheets open rightly."""
    bill = await read_bill(payments_of(request), driver.subject, month, time_zone)
    chosen = _language(request, language)
    return _answer(bill_files.csv_file(bill, chosen), f"{CSV}; charset=utf-8", chosen, f"forecourt-{month}.csv")


@router.get(
    "/{month}.pdf", summary="Download a month as PDF", response_class=Response,
    responses=_file(PDF, "%PDF-1.7") | PROBLEMS,
)  # fmt: skip
async def get_bill_pdf(
    request: Request, month: Month, driver: Driver, time_zone: Zone = DEFAULT_ZONE, language: Language = None
) -> Response:
    """The bill to keep or print; of a month with very many fills it shows the days, and the CSV each fill."""
    payments = payments_of(request)
    bill = await read_bill(payments, driver.subject, month, time_zone)
    chosen = _language(request, language)
    document = await bill_files.pdf_file(payments, bill, driver.subject, chosen)
    return _answer(document, PDF, chosen, f"forecourt-{month}.pdf")


@router.get("/{month}", summary="See a month", response_model=models.Bill, responses=PROBLEMS)
async def get_bill(request: Request, month: Month, driver: Driver, time_zone: Zone = DEFAULT_ZONE) -> models.Bill:
    """What you paid, what went back, and what is on your cards, by currency; sums that add up to the minor unit."""
    return _shown(await read_bill(payments_of(request), driver.subject, month, time_zone))


def _language(request: Request, chosen: str | None) -> str:
    return chosen or best_language(request.headers.get("accept-language", ""))


def _answer(document: bytes, media_type: str, language: str, name: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"', "Content-Language": language,
        "Cache-Control": "no-store",
    }  # fmt: skip
    return Response(document, media_type=media_type, headers=headers)


def _shown(bill: BillOfMonth) -> models.Bill:
    month = bill.month
    return models.Bill(
        month=str(month), time_zone=month.zone.key, starts_at=month.starts_at, ends_at=month.ends_at,
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
