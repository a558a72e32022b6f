"""An order as it is shown, and what its driver and its station may do next. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from payments.domain.money import volume_for
from payments.domain.order_words import Command, Mode, Status
from payments.domain.orders import FINAL, Order, allowed_commands
from payments.domain.timeouts import Timeouts, due_at

DRIVERS: Mapping[Command, str] = {
    Command.BEGIN_PAYMENT: "pay", Command.ACCEPT: "accept", Command.CANCEL: "cancel", Command.DISPUTE: "dispute",
}  # fmt: skip
"""What a driver calls what may be done; each is a route of the order."""
STATIONS: Mapping[Command, str] = {
    Command.CONFIRM: "confirm", Command.ADJUST: "adjust", Command.REJECT: "reject", Command.COMPLETE: "complete",
    Command.DISPENSE: "dispense", Command.BEGIN_REFUND: "refund",
}  # fmt: skip
_SHOWN = (
    "order_id", "version", "status", "mode", "station_id", "pump_id", "fuel", "measure", "requested_minor",
    "requested_ml", "price_mills", "price_version", "currency", "volume_ml", "gross_minor", "discount_minor",
    "breakdown", "paid_minor", "refunded_minor", "method", "reason", "placed_at", "confirmed_at", "fuelling_since",
    "dispensed_at", "paid_at", "completed_at",
)  # fmt: skip
_DRIVERS_OWN = ("coupon_ids", "points", "card_id", "vehicle_id", "odometer_km")

Document = dict[str, Any]


def driver_view(order: Order, timeouts: Timeouts, refunds: Sequence[Mapping[str, Any]] = ()) -> Document:
    """All that its driver sees."""
    own = {name: getattr(order, name) for name in _DRIVERS_OWN}
    return _view(order, timeouts, DRIVERS) | own | {"refunds": [dict(one) for one in refunds]}


def station_view(order: Order, timeouts: Timeouts) -> Document:
    """What the station sees: nothing of who the driver is."""
    return _view(order, timeouts, STATIONS)


def _view(order: Order, timeouts: Timeouts, words: Mapping[Command, str]) -> Document:
    allowed = allowed_commands(order)
    return {name: getattr(order, name) for name in _SHOWN} | {
        "payable_minor": order.payable_minor if order.gross_minor is not None else None,
        "hold": hold_of(order),
        "pump": pump_of(order),
        "next": [word for command, word in words.items() if command in allowed],
        "expires_at": due_at(order, timeouts),
        "may_leave": order.paid_at is not None and order.dispensed_at is not None,
    }


def hold_of(order: Order) -> Document | None:
    """What was set aside before fuelling, what was taken of it, what went back; None where nothing was."""
    if not order.authorised_minor:
        return None
    is_over = order.paid_at is not None or order.status in FINAL
    released = order.authorised_minor - order.paid_minor if is_over else 0
    return {
        "authorised_minor": order.authorised_minor, "captured_minor": order.paid_minor,
        "released_minor": max(0, released),
    }  # fmt: skip


def pump_of(order: Order) -> Document | None:
    """What the pump is to do where the money comes first: it gives at most this much. None where the fuel does."""
    if order.mode is Mode.POST_PAY:
        return None
    if order.dispensed_at is not None or order.status in FINAL:
        return {"state": "done", "max_minor": 0, "max_ml": 0}
    if order.status not in {Status.AUTHORISED, Status.PAID}:
        return {"state": "locked", "max_minor": 0, "max_ml": 0}
    most = _covered_minor(order)
    most_ml = volume_for(most, order.price_mills, order.currency)
    return {"state": "unlocked", "max_minor": most, "max_ml": min(most_ml, order.requested_ml or most_ml)}


def _covered_minor(order: Order) -> int:
    """At the pump price: what the money and the discount are enough for."""
    return (order.authorised_minor or order.paid_minor) + order.discount_minor
