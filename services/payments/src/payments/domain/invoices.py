"""Invoices (fapiao): what may be on one, and how it comes and goes. Pure.

requested -> issuing -> issued, or failed; issued -> reversing -> reversed (a red invoice) once something of it was
refunded. An order is in one live invoice at most; a failed or reversed one sets its orders free for another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from payments.domain.order_words import Status
from payments.domain.orders import Order
from payments.domain.tax import TaxedLine, taxed
from payments.domain.titles import Title
from schemas.vocabulary import Fuel

CURRENCY = "CNY"
MAX_ORDERS = 50
MAX_TRIES = 5
"""The first and four more, each with a number of its own: what the tax office's gateway takes for one application."""
SETTLED = frozenset({Status.PAID, Status.COMPLETED})


class InvoiceStatus(StrEnum):
    """How far an invoice is."""

    REQUESTED = "requested"
    ISSUING = "issuing"
    ISSUED = "issued"
    FAILED = "failed"
    REVERSING = "reversing"
    """Something of it was refunded: the red invoice that takes it back is on its way."""
    REVERSED = "reversed"


LIVE = frozenset({
    InvoiceStatus.REQUESTED, InvoiceStatus.ISSUING, InvoiceStatus.ISSUED, InvoiceStatus.REVERSING,
})  # fmt: skip
"""Their orders are in no other invoice."""


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One order's part."""

    order_id: UUID
    station: str
    pump_id: str
    fuel: Fuel
    paid_at: datetime
    volume_ml: int
    total_minor: int
    refunded_minor: int
    """What was refunded of the order when the invoice was asked for; more means that it must be reversed."""

    @property
    def taxed(self) -> TaxedLine:
        """With its tax, quantity and price."""
        return taxed(self.total_minor, self.volume_ml)


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as it is stored; `buyer` is None once it failed."""

    invoice_id: UUID
    driver_id: str
    operator: str
    status: InvoiceStatus
    buyer: Title | None
    lines: tuple[InvoiceLine, ...]
    requested_at: datetime
    tries: int = 0
    fapiao_id: str | None = None
    """Our number of the try that is under way, or that was issued."""
    number: str | None = None
    code: str | None = None
    """The tax office's; e-invoices of today have a number alone."""
    issued_at: datetime | None = None
    red_number: str | None = None
    reversed_at: datetime | None = None
    error: str | None = None
    looks: int = 0

    @property
    def application(self) -> str:
        """The provider's name for all tries together."""
        return self.invoice_id.hex

    @property
    def total_minor(self) -> int:
        """Tax included: what was paid."""
        return sum(line.total_minor for line in self.lines)

    @property
    def tax_minor(self) -> int:
        """The sum of the lines' taxes."""
        return sum(line.taxed.tax_minor for line in self.lines)


class Obstacle(StrEnum):
    """Why orders cannot be on one invoice."""

    SEVERAL_SELLERS = "several_sellers"
    NOTHING_LEFT = "nothing_left"
    NOT_SETTLED = "not_settled"
    OTHER_CURRENCY = "other_currency"


class NotInvoiceable(Exception):
    """These orders cannot be on one invoice; the text is for the caller."""

    def __init__(self, obstacle: Obstacle, reason: str, order_id: UUID | None = None) -> None:
        super().__init__(reason)
        self.obstacle = obstacle
        self.order_id = order_id


def lines_of(
    orders: Sequence[Order], stations: Mapping[UUID, str], not_received_ml: Mapping[UUID, int]
) -> tuple[InvoiceLine, ...]:
    """The lines of one invoice for these orders, refunds taken off. Raises NotInvoiceable.

    `not_received_ml`: fuel that the pump said it gave and a refund said was not received, by order.
    """
    if len({order.operator for order in orders}) > 1:
        raise NotInvoiceable(
            Obstacle.SEVERAL_SELLERS, "An invoice has one seller: these orders are of several operators."
        )
    return tuple(
        _line(order, stations.get(order.station_id, ""), not_received_ml.get(order.order_id, 0))
        for order in sorted(orders, key=lambda one: (one.paid_at or one.placed_at, one.order_id))
    )


def _line(order: Order, station: str, not_received_ml: int) -> InvoiceLine:
    if order.status is Status.REFUNDED or (order.paid_at and order.refundable_minor == 0):
        reason = "Nothing is left to invoice of this order: no money was paid for it, or all went back."
        raise NotInvoiceable(Obstacle.NOTHING_LEFT, reason, order.order_id)
    if order.status not in SETTLED or order.paid_at is None or not order.volume_ml:
        reason = f"The order is {order.status}: an invoice is for what is paid, dispensed and not in question."
        raise NotInvoiceable(Obstacle.NOT_SETTLED, reason, order.order_id)
    if order.currency != CURRENCY:
        raise NotInvoiceable(Obstacle.OTHER_CURRENCY, f"Invoices are for {CURRENCY} only.", order.order_id)
    received = order.volume_ml - not_received_ml
    return InvoiceLine(
        order.order_id, station, order.pump_id, order.fuel, order.paid_at,
        received if received > 0 else order.volume_ml, order.refundable_minor, order.refunded_minor,
    )  # fmt: skip
