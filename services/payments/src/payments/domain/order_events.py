"""What each step of an order tells the others."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from payments.domain.charging import earned_of_prepaid
from payments.domain.order_words import Fact, Mode, Status
from payments.domain.orders import Order, Step
from schemas.base import Event
from schemas.orders import (
    OrderAdjustedV1,
    OrderAuthorisedV1,
    OrderCancelledV1,
    OrderCompletedV1,
    OrderConfirmedV1,
    OrderPaidV1,
    OrderPlacedV1,
    OrderRefundedV1,
    PricePart,
)


def event_of(step: Step) -> Event | None:
    """The event of a step; None where it has none."""
    return _MAKERS[step.fact](step) if step.fact else None


def _of(kind: type[Event]) -> Callable[[Step], Event]:
    """An event that is made of fields of the order of the same names, and of the step's details."""

    def make(step: Step) -> Event:
        order = asdict(step.order)
        fields = {name: order[name] for name in kind.model_fields if name in order} | dict(step.details)
        return kind.model_validate(fields | {"occurred_at": step.at})

    return make


def _paid(step: Step) -> Event:
    order = step.order
    return OrderPaidV1(
        **_common(order), version=order.version, occurred_at=step.at, volume_ml=order.volume_ml or 0,
        gross_minor=order.gross_minor or 0, breakdown=[PricePart.model_validate(part) for part in order.breakdown],
        paid_minor=order.paid_minor, method=order.method or "none", card_id=order.card_id,
        reservation_id=order.reservation_id, vehicle_id=order.vehicle_id, odometer_km=order.odometer_km,
    )  # fmt: skip


def _completed(step: Step) -> Event:
    order = step.order
    used = earned_of_prepaid(order, order.volume_ml or 0) if order.mode is Mode.PREPAID else order.paid_minor
    return OrderCompletedV1(
        **_common(order), version=order.version, occurred_at=step.at, volume_ml=order.volume_ml,
        paid_minor=order.paid_minor, used_minor=min(used, order.paid_minor), method=order.method,
        card_id=order.card_id,
    )  # fmt: skip


_HOW = {Status.CANCELLED: "cancelled", Status.REJECTED: "rejected", Status.EXPIRED: "expired"}


def _cancelled(step: Step) -> Event:
    order = step.order
    return OrderCancelledV1(
        **_common(order), version=order.version, occurred_at=step.at, how=_HOW[order.status],
        reason=order.reason or _HOW[order.status], reservation_id=order.reservation_id,
    )  # fmt: skip


def _common(order: Order) -> dict[str, Any]:
    names = ("order_id", "driver_id", "station_id", "operator", "pump_id", "fuel", "mode", "price_mills", "currency")
    return {name: getattr(order, name) for name in names}


_MAKERS: Mapping[Fact, Callable[[Step], Event]] = {
    Fact.PLACED: _of(OrderPlacedV1),
    Fact.CONFIRMED: _of(OrderConfirmedV1),
    Fact.ADJUSTED: _of(OrderAdjustedV1),
    Fact.AUTHORISED: _of(OrderAuthorisedV1),
    Fact.PAID: _paid,
    Fact.COMPLETED: _completed,
    Fact.REFUNDED: _of(OrderRefundedV1),
    Fact.CANCELLED: _cancelled,
}
