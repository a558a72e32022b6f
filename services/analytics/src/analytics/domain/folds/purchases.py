"""What the events of an order say of a driver's purchase, for the views of drivers."""

from collections.abc import Callable, Container, Mapping
from typing import Any

from analytics.domain import facts
from analytics.domain.facts import Fact
from analytics.domain.sales_of_orders import is_refund_of_sale, sale_of
from analytics.domain.views import Document


def is_news_of_driver(fact: Fact) -> bool:
    """Whether an order's event changes what is known of a purchase: it is paid or a sale, or something went back."""
    event = fact.event
    is_news = isinstance(event, facts.OrderPaid) or is_refund_of_sale(event) or sale_of(event) is not None
    return fact.driver is not None and is_news


def told_by(event: Any) -> Document:
    """What an event says of its purchase. Kinds of events say different things, so it is no matter which comes first.

    What makes it a sale (domain.sales_of_orders): `at`, `paid_minor`, `gross_minor`, `volume_ml`. OrderPaid:
    `vehicle_id` and `odometer_km` where the driver told them. OrderRefunded: `refunds` {id: amount_minor, at, volume_ml
    that was not received}. All of them: `station_id`, `fuel`, `currency`, which never change.
    """
    common = {"station_id": event.station_id, "fuel": event.fuel, "currency": event.currency}
    told = common | _TELL[type(event)](event)
    return {name: value for name, value in told.items() if value is not None}


def _paid(event: facts.OrderPaid) -> Document:
    return {**_sold(event), "vehicle_id": event.vehicle_id, "odometer_km": event.odometer_km}


def _sold(event: facts.OrderPaid | facts.OrderCompleted) -> Document:
    if (sale := sale_of(event)) is None:
        return {}
    return {
        "at": sale.occurred_at, "paid_minor": sale.paid_minor, "gross_minor": sale.gross_minor,
        "volume_ml": sale.volume_ml,
    }  # fmt: skip


def _refunded(event: facts.OrderRefunded) -> Document:
    refund = {"amount_minor": event.amount_minor, "at": event.occurred_at, "volume_ml": event.volume_ml or 0}
    return {"refunds": {event.refund_id.hex: refund}}


_TELL: Mapping[type, Callable[[Any], Document]] = {
    facts.OrderPaid: _paid, facts.OrderCompleted: _sold, facts.OrderRefunded: _refunded,
}  # fmt: skip


def add(purchases: Document, event: facts.OrderEvent, names: Container[str] | None = None) -> None:
    """Adds what an event says to what is known of its purchase; `names`: no more than that."""
    told = told_by(event)
    if names is not None:
        told = {name: value for name, value in told.items() if name in names}
    join(purchases.setdefault(event.order_id.hex, {}), told)


def join(known: Document, more: Document) -> None:
    """Adds to what is known of one purchase what else is."""
    refunds = {**known.get("refunds", {}), **more.get("refunds", {})}
    known.update(more)
    if refunds:
        known["refunds"] = refunds
