"""Invoices that drivers ask for; `invoice_work` brings them to their end."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.invoices import Invoice, InvoiceStatus, NotInvoiceable, Obstacle, lines_of
from payments.domain.titles import Title
from payments.repository import invoices as repository
from payments.repository.invoices import StoredInvoice
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import ITSELF
from payments.use_cases.titles import title_of
from servicekit.erasures import require_present
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def request_invoice(
    payments: Payments, tx: Connection, driver_id: str, title_id: UUID, order_ids: Sequence[UUID]
) -> Invoice:
    """A new invoice for these orders, which is issued soon. Raises Problem 401, 404, 409."""
    await require_present(payments.erasures, tx, driver_id)
    buyer = await title_of(payments, tx, driver_id, title_id)
    orders = await repository.lock_orders(tx, driver_id, order_ids)
    if missing := set(order_ids) - {order.order_id for order in orders}:
        detail = "You have no order with one of these ids; GET /v1/records lists yours that are paid."
        raise Problem(404, "no-such-order", detail, order_ids=sorted(map(str, missing)))
    if not_theirs := await repository.paid_by_companies(tx, order_ids):
        detail = "A company paid one of these orders with its card, so the invoice is the company's; leave it out."
        raise Problem(409, "paid-by-company", detail, order_ids=list(map(str, not_theirs)))
    if taken := await repository.invoice_of_orders(tx, order_ids):
        raise _already_invoiced(taken)
    stations = await repository.station_names(tx, [order.station_id for order in orders])
    not_received = await repository.not_received_ml(tx, order_ids, ITSELF)
    try:
        lines = lines_of(orders, stations, not_received)
    except NotInvoiceable as error:
        raise _problem(error) from error
    at = datetime.now(UTC)
    invoice = Invoice(new_id(), driver_id, orders[0].operator, InvoiceStatus.REQUESTED, buyer, lines, at)
    sealed = payments.ring.seal(msgspec.json.encode(buyer), buyer_context(invoice.invoice_id))
    if not await repository.insert(tx, invoice, sealed, at):
        raise _already_invoiced({})
    return invoice


async def read_invoice(payments: Payments, tx: Connection, driver_id: str, invoice_id: UUID) -> Invoice:
    """One of a driver's invoices. Raises Problem 404."""
    stored = await repository.find(tx, invoice_id)
    if stored is None or stored.invoice.driver_id != driver_id:
        raise Problem(404, "no-such-invoice", "You have no invoice with this id; GET /v1/invoices lists yours.")
    return opened(payments, stored)


async def read_invoices(
    payments: Payments, tx: Connection, driver_id: str, before: UUID | None, limit: int | None
) -> list[Invoice]:
    """A driver's invoices, the newest first."""
    return [opened(payments, one) for one in await repository.of_driver(tx, driver_id, before, limit)]


def waits_for(payments: Payments, invoice: Invoice) -> str | None:
    """What a requested invoice waits for longer than a moment, in words for its buyer; None: nothing."""
    if invoice.status is not InvoiceStatus.REQUESTED:
        return None
    if payments.fapiao is None or not payments.fapiao.can_issue(invoice):
        return "The seller issues no invoices here yet; it is issued as soon as that is set up. Nothing need be done."
    return None


def opened(payments: Payments, stored: StoredInvoice) -> Invoice:
    """The invoice with its buyer."""
    if stored.buyer is None:
        return stored.invoice
    text = payments.ring.open(stored.buyer, buyer_context(stored.invoice.invoice_id))
    return replace(stored.invoice, buyer=msgspec.json.decode(text, type=Title))


def buyer_context(invoice_id: UUID) -> str:
    """Where a buyer is sealed, for the key ring."""
    return f"invoices.buyer|{invoice_id}"


async def collect(payments: Payments, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS."""
    return [asdict(one) for one in await read_invoices(payments, tx, driver_id, None, None)]


async def erase(_: Payments, tx: Connection, driver_id: str) -> int:
    """See people.ERASES: what was never issued is no invoice; the law keeps what was, with its buyer."""
    return await repository.forget_buyer(tx, driver_id)


async def move(_: Payments, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES."""
    await repository.move(tx, driver_id, into)


def _problem(error: NotInvoiceable) -> Problem:
    match error.obstacle:
        case Obstacle.SEVERAL_SELLERS:
            return Problem(409, "several-sellers", str(error))
        case Obstacle.NOTHING_LEFT:
            return Problem(409, "nothing-to-invoice", str(error), order_id=error.order_id)
        case Obstacle.NOT_SETTLED:
            return Problem(409, "order-not-settled", str(error), order_id=error.order_id)
        case Obstacle.OTHER_CURRENCY:
            return Problem(409, "currency-not-invoiced", str(error), order_id=error.order_id)


def _already_invoiced(taken: dict[UUID, UUID]) -> Problem:
    return Problem(
        409, "already-invoiced", "One of these orders is in an invoice already; leave it out.",
        invoices={str(order_id): str(invoice_id) for order_id, invoice_id in taken.items()},
    )  # fmt: skip
