"""A driver's invoices (fapiao)."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from payments.api.context import payments_of
from payments.domain.amounts import decimal_text
from payments.domain.invoice_view import invoice_view
from payments.domain.invoices import CURRENCY, Invoice, InvoiceLine
from payments.domain.tax import DECIMALS, RATE_PERCENT
from payments.http_models import invoices as models
from payments.use_cases import invoices as use_cases
from payments.use_cases.context import Payments
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.files import PDF, Language, file_answer, file_response, language_of
from servicekit.http_models import Limit
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["invoice-7"])
]


@router.post(
    "", status_code=202, summary="Ask for an invoice", response_model=models.Invoice,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def request_invoice(
    request: Request, body: models.NewInvoice, driver: Driver, idempotency_key: Key = None
) -> Response:
    """One invoice for several of your paid orders of one seller, what was refunded taken off; 13 % tax is in it.

    It is issued soon: look at it again (with its `buyer`, which is not in this reply). An order is in one invoice only.
    Where something is refunded later, a red invoice takes it back by itself, and you may ask for another one for what
    remains.
    """
    payments = payments_of(request)
    asked = IdempotentRequest(
        driver.subject, "POST /v1/invoices", require_key(idempotency_key), await request.body()
    )  # fmt: skip

    async def effect(tx: Connection) -> Reply:
        order_ids = list(dict.fromkeys(body.order_ids))
        invoice = await use_cases.request_invoice(payments, tx, driver.subject, body.title_id, order_ids)
        # What is kept of a reply is not sealed, so the buyer is not in it.
        return Reply(202, _shown(payments, replace(invoice, buyer=None)).model_dump_json().encode())

    reply = await patiently(lambda: payments.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")


@router.get(
    "", summary="List your invoices", response_model=models.Invoices,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_invoices(
    request: Request, driver: Driver, cursor: str | None = None, limit: Limit = 20
) -> models.Invoices:
    """Your invoices, the newest first."""
    payments = payments_of(request)
    before = decode_cursor(cursor, UUID) if cursor else None
    async with payments.store.connection() as connection:
        found = await use_cases.read_invoices(payments, connection, driver.subject, before, limit + 1)
    return models.Invoices(
        invoices=[_shown(payments, one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.invoice_id),
    )


@router.get(
    "/{invoice_id}", summary="See an invoice", response_model=models.Invoice,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_invoice(request: Request, invoice_id: UUID, driver: Driver) -> models.Invoice:
    """All that is on it, and how far it is: after a refund it is `reversing`, then `reversed` by a red invoice."""
    payments = payments_of(request)
    async with payments.store.connection() as connection:
        invoice = await use_cases.read_invoice(payments, connection, driver.subject, invoice_id)
    return _shown(payments, invoice)


@router.get(
    "/{invoice_id}/preview", summary="Download what is on an invoice as PDF", response_class=Response,
    responses=file_response(PDF, "%PDF-1.7") | problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def preview_invoice(request: Request, invoice_id: UUID, driver: Driver, language: Language = None) -> Response:
    """What is on it, to look at or print. It is no fapiao: the tax office's goes to the buyer's e-mail and wallet."""
    payments = payments_of(request)
    async with payments.store.connection() as connection:
        invoice = await use_cases.read_invoice(payments, connection, driver.subject, invoice_id)
    chosen = language_of(request, language)
    document = await payments.typesetter.pdf("invoice", invoice_view(invoice, chosen))
    return file_answer(document, PDF, chosen, f"forecourt-invoice-{invoice_id}.pdf")


def _shown(payments: Payments, invoice: Invoice) -> models.Invoice:
    buyer = invoice.buyer
    return models.Invoice(
        invoice_id=invoice.invoice_id, status=invoice.status, waits_for=use_cases.waits_for(payments, invoice),
        error=invoice.error, operator=invoice.operator,
        buyer=models.Buyer.model_validate(buyer) if buyer else None, lines=[_line(line) for line in invoice.lines],
        tax_rate_percent=RATE_PERCENT, net_minor=invoice.total_minor - invoice.tax_minor, tax_minor=invoice.tax_minor,
        total_minor=invoice.total_minor, currency=CURRENCY, number=invoice.number, code=invoice.code,
        red_number=invoice.red_number, requested_at=invoice.requested_at, issued_at=invoice.issued_at,
        reversed_at=invoice.reversed_at,
    )  # fmt: skip


def _line(line: InvoiceLine) -> models.InvoiceLine:
    taxed = line.taxed
    return models.InvoiceLine(
        order_id=line.order_id, station=line.station, fuel=line.fuel, paid_at=line.paid_at,
        quantity=decimal_text(taxed.quantity_e8, DECIMALS), price=decimal_text(taxed.price_e8, DECIMALS),
        net_minor=taxed.net_minor, tax_minor=taxed.tax_minor, total_minor=taxed.total_minor,
    )  # fmt: skip
