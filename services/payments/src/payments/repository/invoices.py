"""Queries about invoices; what is sealed in them is opened and sealed by the use cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from payments.domain.invoices import LIVE, Invoice, InvoiceLine, InvoiceStatus
from payments.domain.orders import Order
from payments.repository.orders import order_of
from schemas.vocabulary import Fuel
from servicekit.postgres import Connection

_COLUMNS = (
    "invoice_id", "driver_id", "operator", "status", "requested_at", "tries", "fapiao_id", "number", "code",
    "issued_at", "red_number", "reversed_at", "error", "looks",
)  # fmt: skip
_LINE = ("order_id", "station", "pump_id", "fuel", "paid_at", "volume_ml", "total_minor", "refunded_minor")


@dataclass(frozen=True, slots=True)
class StoredInvoice:
    """An invoice, its buyer still sealed."""

    invoice: Invoice
    buyer: bytes | None


async def insert(tx: Connection, invoice: Invoice, buyer: bytes, at: datetime) -> bool:
    """Stores a new invoice, due at once; False, and the transaction must end, where an order of it is in another."""
    await tx.execute(
        """INSERT INTO invoices (invoice_id, driver_id, operator, status, buyer, total_minor, tax_minor, requested_at,
                                 next_look_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        invoice.invoice_id, invoice.driver_id, invoice.operator, invoice.status, buyer, invoice.total_minor,
        invoice.tax_minor, invoice.requested_at, at,
    )  # fmt: skip
    columns = ([getattr(line, name) for line in invoice.lines] for name in _LINE)
    added = await tx.execute(
        f"""INSERT INTO invoice_lines (invoice_id, is_live, {", ".join(_LINE)}, position)
            SELECT $1, true, l.* FROM unnest(
                $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[], $8::bigint[],
                $9::bigint[]
            ) WITH ORDINALITY AS l ON CONFLICT DO NOTHING""",  # noqa: S608 - names of our own columns
        invoice.invoice_id, *columns,
    )  # fmt: skip
    return added == f"INSERT 0 {len(invoice.lines)}"


async def lock_orders(tx: Connection, driver_id: str, order_ids: Sequence[UUID]) -> list[Order]:
    """Those of the orders that are the driver's, which nobody else can change until the transaction ends."""
    rows = await tx.fetch(
        "SELECT * FROM orders WHERE driver_id = $1 AND order_id = ANY($2) ORDER BY order_id FOR UPDATE",
        driver_id, list(order_ids),
    )  # fmt: skip
    return [order_of(row) for row in rows]


async def paid_by_companies(tx: Connection, order_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the orders that were paid with a company's card."""
    rows = await tx.fetch(
        """SELECT order_id FROM orders JOIN cards USING (card_id)
           WHERE order_id = ANY($1) AND company_id IS NOT NULL ORDER BY order_id""",
        list(order_ids),
    )
    return [row["order_id"] for row in rows]


async def station_names(tx: Connection, station_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What the stations are called."""
    rows = await tx.fetch("SELECT station_id, name FROM stations WHERE station_id = ANY($1)", list(station_ids))
    return dict(rows)


async def not_received_ml(tx: Connection, order_ids: Sequence[UUID], unless_by: str) -> dict[UUID, int]:
    """The fuel that refunds say was not received, by order, but for those that `unless_by` asked for."""
    rows = await tx.fetch(
        """SELECT purpose_id, sum(volume_ml)::bigint FROM refunds
           WHERE purpose = 'order' AND status = 'succeeded' AND purpose_id = ANY($1) AND requested_by <> $2
             AND volume_ml IS NOT NULL GROUP BY purpose_id""",
        list(order_ids), unless_by,
    )  # fmt: skip
    return dict(rows)


async def invoice_of_orders(tx: Connection, order_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The live invoices that orders are in already, by order."""
    rows = await tx.fetch(
        "SELECT order_id, invoice_id FROM invoice_lines WHERE is_live AND order_id = ANY($1)", list(order_ids)
    )
    return dict(rows)


async def find(tx: Connection, invoice_id: UUID) -> StoredInvoice | None:
    """The invoice."""
    found = await _stored(tx, await tx.fetch("SELECT * FROM invoices WHERE invoice_id = $1", invoice_id))
    return found[0] if found else None


async def of_driver(tx: Connection, driver_id: str, before: UUID | None, limit: int | None) -> list[StoredInvoice]:
    """A driver's invoices, the newest first."""
    rows = await tx.fetch(
        """SELECT * FROM invoices WHERE driver_id = $1 AND ($2::uuid IS NULL OR invoice_id < $2)
           ORDER BY invoice_id DESC LIMIT $3""",
        driver_id, before, limit,
    )  # fmt: skip
    return await _stored(tx, rows)


async def take_due(tx: Connection, at: datetime, limit: int, lease: timedelta) -> list[StoredInvoice]:
    """Invoices that something is to be done for, which nobody else takes until the lease ends."""
    rows = await tx.fetch(
        """UPDATE invoices SET next_look_at = $1::timestamptz + $3, looks = looks + 1 WHERE invoice_id IN (
               SELECT invoice_id FROM invoices WHERE next_look_at <= $1 ORDER BY next_look_at LIMIT $2
               FOR UPDATE SKIP LOCKED) RETURNING *""",
        at, limit, lease,
    )  # fmt: skip
    return await _stored(tx, rows)


async def update(tx: Connection, before: Invoice, after: Invoice, next_look_at: datetime | None) -> bool:
    """Changes an invoice unless somebody else did since it was read; one that is not live any more frees its orders.

    One that failed forgets its buyer: it is no invoice, so no law keeps it, and the buyer may be gone by now.
    """
    changed = await tx.execute(
        """UPDATE invoices SET (status, tries, fapiao_id, number, code, issued_at, red_number, reversed_at, error,
                                looks, next_look_at, buyer)
               = ($4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, CASE WHEN $4 <> 'failed' THEN buyer END)
           WHERE (invoice_id, status, tries) = ($1, $2, $3)""",
        before.invoice_id, before.status, before.tries, after.status, after.tries, after.fapiao_id, after.number,
        after.code, after.issued_at, after.red_number, after.reversed_at, after.error, after.looks, next_look_at,
    )  # fmt: skip
    if changed == "UPDATE 0":
        return False
    if after.status not in LIVE:
        await tx.execute("UPDATE invoice_lines SET is_live = false WHERE invoice_id = $1", before.invoice_id)
    return True


async def wake(tx: Connection, order_id: UUID) -> None:
    """Something of the order was refunded: the invoice that it is in, if there is one, must be looked at."""
    await tx.execute(
        """UPDATE invoices SET (next_look_at, looks) = (now(), 0) WHERE invoice_id IN (
               SELECT invoice_id FROM invoice_lines WHERE is_live AND order_id = $1)""",
        order_id,
    )


async def lock(tx: Connection, invoice_id: UUID) -> None:
    """Nobody else can change the invoice, or wake it, until the transaction ends."""
    await tx.execute("SELECT FROM invoices WHERE invoice_id = $1 FOR UPDATE", invoice_id)


async def was_refunded(tx: Connection, invoice_id: UUID) -> bool:
    """Whether more of an order went back than when the invoice was asked for."""
    found = await tx.fetchval(
        """SELECT EXISTS (SELECT FROM invoice_lines l JOIN orders o USING (order_id)
                          WHERE l.invoice_id = $1 AND o.refunded_minor <> l.refunded_minor)""",
        invoice_id,
    )
    return bool(found)


async def charges_of(tx: Connection, order_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """What WeChat Pay charged for these orders: its own number, ours, and how much."""
    rows = await tx.fetch(
        """SELECT trade_id, replace(attempt_id::text, '-', '') AS number, amount_minor FROM attempts
           WHERE purpose = 'order' AND provider = 'wechat' AND status = 'succeeded' AND purpose_id = ANY($1)
             AND trade_id IS NOT NULL ORDER BY attempt_id""",
        list(order_ids),
    )
    return [dict(row) for row in rows]


async def forget_buyer(tx: Connection, driver_id: str) -> int:
    """Ends what was not asked for yet, and forgets its buyer; how many that were."""
    rows = await tx.fetch(
        """WITH ended AS (
               UPDATE invoices SET (buyer, status, error, next_look_at) = (NULL, 'failed', 'person_erased', NULL)
               WHERE driver_id = $1 AND status = 'requested' RETURNING invoice_id
           ) UPDATE invoice_lines SET is_live = false WHERE invoice_id IN (SELECT invoice_id FROM ended)
             RETURNING invoice_id""",
        driver_id,
    )
    return len({row["invoice_id"] for row in rows})


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's invoices to the driver's other account."""
    await tx.execute("UPDATE invoices SET driver_id = $2 WHERE driver_id = $1", driver_id, into)


async def _stored(tx: Connection, rows: Sequence[Any]) -> list[StoredInvoice]:
    lines = await tx.fetch(
        "SELECT * FROM invoice_lines WHERE invoice_id = ANY($1) ORDER BY invoice_id, position",
        [row["invoice_id"] for row in rows],
    )
    return [
        StoredInvoice(_invoice(row, [one for one in lines if one["invoice_id"] == row["invoice_id"]]), row["buyer"])
        for row in rows
    ]


def _invoice(row: Any, lines: Sequence[Any]) -> Invoice:
    values = {name: row[name] for name in _COLUMNS} | {"status": InvoiceStatus(row["status"]), "buyer": None}
    return Invoice(**values, lines=tuple(_line(one) for one in lines))


def _line(row: Any) -> InvoiceLine:
    values: dict[str, Any] = {name: row[name] for name in _LINE} | {"fuel": Fuel(row["fuel"])}
    return InvoiceLine(**values)
