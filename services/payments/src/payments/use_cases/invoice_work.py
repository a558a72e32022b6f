"""Brings invoices to their end: asks the provider, looks how far it is, takes back what was refunded.

Before anything is asked for, the provider is asked what it knows: whatever dies, wherever, the next look finds out.
Never a remote call inside of a transaction.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from payments.domain.attempts import pause_seconds
from payments.domain.invoices import MAX_TRIES, Invoice, InvoiceStatus
from payments.providers.channel import ProviderAway, ProviderRefused
from payments.providers.fapiao import ChargeOfOrder, Fapiao, FapiaoIssuer, FapiaoState
from payments.repository import invoices as repository
from payments.repository.invoices import StoredInvoice
from payments.use_cases.context import Payments
from payments.use_cases.invoices import opened
from servicekit.ids import new_id
from servicekit.postgres import Connection

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
AT_ONCE = 10
NOT_SET_UP = timedelta(minutes=10)
"""How long until it is looked again whether a seller can issue invoices by now."""
NEXT = timedelta()


async def carry_on(payments: Payments) -> int:
    """Does what is due of all invoices, a step each; how many there were."""
    at = datetime.now(UTC)
    due = await payments.store.transact(lambda tx: repository.take_due(tx, at, AT_ONCE, LEASE))
    results = await asyncio.gather(*(_carry_on(payments, one) for one in due), return_exceptions=True)
    for one, result in zip(due, results, strict=True):
        if isinstance(result, Exception):
            log.error("an invoice is stuck", exc_info=result, extra={"invoice_id": str(one.invoice.invoice_id)})
    return len(due)


async def _carry_on(payments: Payments, stored: StoredInvoice) -> None:
    invoice = opened(payments, stored)
    try:
        await step(payments, invoice)
    except (ProviderAway, ProviderRefused) as error:  # a refusal of a question: nothing follows from it
        log.warning("no answer about an invoice", extra={"reason": str(error), "status": invoice.status})
        await _later(payments, invoice)


async def step(payments: Payments, invoice: Invoice) -> None:
    """One step of a due invoice. Raises ProviderAway, ProviderRefused."""
    issuer = payments.fapiao
    if issuer is None or not issuer.can_issue(invoice):
        await _look_after(payments, invoice, NOT_SET_UP)
        return
    match invoice.status:
        case InvoiceStatus.REQUESTED:
            await _begin(payments, invoice)
        case InvoiceStatus.ISSUING:
            await _issue(payments, issuer, invoice)
        case InvoiceStatus.ISSUED:
            await payments.store.transact(lambda tx: _rest_or_reverse(tx, invoice))
        case InvoiceStatus.REVERSING:
            await _reverse(payments, issuer, invoice)
        case _:
            await _change(payments, invoice, None)


async def _rest_or_reverse(tx: Connection, invoice: Invoice) -> None:
    """Under the invoice's lock, which a refund takes to wake it: none of them slips through between look and rest."""
    await repository.lock(tx, invoice.invoice_id)
    if await repository.was_refunded(tx, invoice.invoice_id):
        reversing = replace(invoice, status=InvoiceStatus.REVERSING, looks=0)
        await repository.update(tx, invoice, reversing, datetime.now(UTC))
    else:
        await repository.update(tx, invoice, replace(invoice, looks=0), None)


async def _begin(payments: Payments, invoice: Invoice) -> None:
    async with payments.store.connection() as connection:
        refunded = await repository.was_refunded(connection, invoice.invoice_id)
    if refunded:
        await _fail(payments, invoice, "order_refunded")
    else:
        await _change(payments, invoice, NEXT, InvoiceStatus.ISSUING, tries=1, fapiao_id=new_id().hex)


async def _issue(payments: Payments, issuer: FapiaoIssuer, invoice: Invoice) -> None:
    found = await issuer.query(invoice)
    match found.state:
        case FapiaoState.NOT_FOUND:
            await _ask(payments, issuer, invoice)
        case FapiaoState.ACCEPTED:
            await _later(payments, invoice)
        case FapiaoState.FAILED:
            await _try_again(payments, invoice, "refused_by_tax_office")
        case _:
            await _issued(payments, invoice, found)


async def _ask(payments: Payments, issuer: FapiaoIssuer, invoice: Invoice) -> None:
    async with payments.store.connection() as connection:
        rows = await repository.charges_of(connection, [line.order_id for line in invoice.lines])
    if invoice.buyer is None:
        raise LookupError(f"the invoice {invoice.invoice_id} has no buyer")
    try:
        await issuer.issue(invoice, invoice.buyer, [ChargeOfOrder(**row) for row in rows])
    except ProviderRefused as refusal:
        await _try_again(payments, invoice, refusal.code.lower())
    else:
        await _later(payments, invoice)


async def _try_again(payments: Payments, invoice: Invoice, error: str) -> None:
    """Another number for the next try, until the provider takes no more."""
    if invoice.tries >= MAX_TRIES:
        await _fail(payments, invoice, error)
        return
    pause = timedelta(seconds=pause_seconds(invoice.looks))
    await _change(
        payments, invoice, pause, invoice.status, tries=invoice.tries + 1, fapiao_id=new_id().hex, error=error
    )  # fmt: skip


async def _issued(payments: Payments, invoice: Invoice, found: Fapiao) -> None:
    """It is looked at once more: something may have been refunded meanwhile."""
    if found.total_minor not in (None, invoice.total_minor):
        log.error("an invoice is about another amount", extra={"invoice_id": str(invoice.invoice_id)})
    await _change(
        payments, invoice, NEXT, InvoiceStatus.ISSUED, number=found.number, code=found.code,
        issued_at=found.at or datetime.now(UTC), error=None,
    )  # fmt: skip


async def _reverse(payments: Payments, issuer: FapiaoIssuer, invoice: Invoice) -> None:
    found = await issuer.query(invoice)
    if found.state is FapiaoState.REVERSED:
        await _change(
            payments, invoice, None, InvoiceStatus.REVERSED, red_number=found.red_number,
            reversed_at=found.red_at or datetime.now(UTC), error=None,
        )  # fmt: skip
        return
    if found.state is FapiaoState.ISSUED:
        await issuer.reverse(invoice)
    await _later(payments, invoice)


async def _fail(payments: Payments, invoice: Invoice, error: str) -> None:
    await _change(payments, invoice, None, InvoiceStatus.FAILED, error=error)


async def _later(payments: Payments, invoice: Invoice) -> None:
    await _look_after(payments, invoice, timedelta(seconds=pause_seconds(invoice.looks)))


async def _look_after(payments: Payments, invoice: Invoice, pause: timedelta) -> None:
    await _change(payments, invoice, pause, looks=invoice.looks)


async def _change(
    payments: Payments, invoice: Invoice, pause: timedelta | None, status: InvoiceStatus | None = None,
    **fields: object,
) -> None:  # fmt: skip
    """Writes what changed, unless another process was quicker, and when it is due again (None: not by itself)."""
    after = replace(invoice, **{"status": status or invoice.status, "looks": 0} | fields)  # pyright: ignore[reportArgumentType]
    due_at = None if pause is None else datetime.now(UTC) + pause
    await payments.store.transact(lambda tx: repository.update(tx, invoice, after, due_at))
