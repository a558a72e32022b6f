"""How long an order waits for somebody, and what becomes of it then. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from payments.domain.order_words import Status
from payments.domain.orders import Order


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that an order may stay as it is."""

    placed_seconds: int = 600
    confirmed_seconds: int = 1_800
    adjusted_seconds: int = 1_800
    authorised_seconds: int = 1_800
    undispensed_seconds: int = 1_800
    complete_seconds: int = 300
    """Paid and dispensed: it is over by itself."""


class Outcome(StrEnum):
    """What is done about an order that waited too long."""

    EXPIRE = "expire"
    COMPLETE = "complete"
    UNPAID = "unpaid"
    """Fuel was given, or flows, and nobody paid: the debt stays; people are told."""
    UNDISPENSED = "undispensed"
    """The money is there and no fuel was given; people are told."""


def outcome_of(order: Order) -> Outcome:
    """What is done when the order has waited too long."""
    has_fuel = order.dispensed_at is not None or order.fuelling_since is not None
    match order.status:
        case Status.PAID:
            return Outcome.COMPLETE if order.dispensed_at is not None else Outcome.UNDISPENSED
        case _:
            return Outcome.UNPAID if has_fuel else Outcome.EXPIRE


WAITING: Mapping[tuple[Status, bool], str] = {
    (Status.PLACED, False): "placed_seconds",
    (Status.CONFIRMED, False): "confirmed_seconds",
    (Status.CONFIRMED, True): "confirmed_seconds",
    (Status.ADJUSTED, True): "adjusted_seconds",
    (Status.AUTHORISED, False): "authorised_seconds",
    (Status.AUTHORISED, True): "authorised_seconds",
    (Status.PAID, False): "undispensed_seconds",
    (Status.PAID, True): "complete_seconds",
}
"""(status, whether the station said how much the pump gave) -> how long an order may stay so."""


def due_at(order: Order, timeouts: Timeouts) -> datetime | None:
    """When the order has waited too long; None where nothing ends by time."""
    name = WAITING.get((order.status, order.dispensed_at is not None))
    if order.waiting_since is None or name is None:
        return None
    return order.waiting_since + timedelta(seconds=getattr(timeouts, name))


def since(now: datetime, timeouts: Timeouts) -> list[tuple[Status, bool, datetime]]:
    """(status, whether dispensed, moment): who waits since then, or longer, is due."""
    return [(*state, now - timedelta(seconds=getattr(timeouts, name))) for state, name in WAITING.items()]
