"""What the events of an order say of a driver's purchase, for the views of drivers."""

from collections.abc import Callable, Container, Mapping
from typing import Any

from analytics.domain import facts
from analytics.domain.facts import Fact
from analytics.domain.views import Document

PREPAID = "prepaid"
"""Orders that are paid before anybody knows how much fuel there will be."""


def is_news_of_driver(fact: Fact) -> bool:
    """Whether an order's event changes what is known of a purchase: that it is complete does where it was prepaid."""
    completed_as_paid = isinstance(fact.event, facts.OrderCompleted) and fact.event.mode != PREPAID
    return fact.driver is not None and not completed_as_paid


def told_by(event: Any) -> Document:
    """What an event says of its purchase. Kinds of events say different things, so it is no matter which comes first.

    OrderPaid: `at`, `paid_minor`, `gross_minor`, `volume_ml` unless prepaid, `vehicle_id` and `odometer_km` where the
    driver told them. OrderCompleted of a prepaid one: `volume_ml` and `used_minor`: the rest of the money went back,
    and was never spent. OrderRefunded: `refunds` {id: amount_minor, at, volume_ml that was not received}. All of them:
    `station_id`, `fuel`, `currency`, which never change.
    """
    common = {"station_id": event.station_id, "fuel": event.fuel, "currency": event.currency}
    told = common | _TELL[type(event)](event)
    return {name: value for name, value in told.items() if value is not None}


def _paid(event: facts.OrderPaid) -> Document:
    return {
        "at": event.occurred_at, "paid_minor": event.paid_minor, "gross_minor": event.gross_minor,
        "volume_ml": None if event.mode == PREPAID else event.volume_ml,
        "vehicle_id": event.vehicle_id, "odometer_km": event.odometer_km,
    }  # fmt: skip


def _completed(event: facts.OrderCompleted) -> Document:
    return {"volume_ml": event.volume_ml or 0, "used_minor": event.used_minor}


def _refunded(event: facts.OrderRefunded) -> Document:
    refund = {"amount_minor": event.amount_minor, "at": event.occurred_at, "volume_ml": event.volume_ml or 0}
    return {"refunds": {event.refund_id.hex: refund}}


_TELL: Mapping[type, Callable[[Any], Document]] = {
    facts.OrderPaid: _paid, facts.OrderCompleted: _completed, facts.OrderRefunded: _refunded,
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
