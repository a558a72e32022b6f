"""A refuelling order: its states, the commands that lead from one to another, and what each tells the others. Pure.

The whole life of an order is the table TRANSITIONS. What is not in it is refused and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from payments.domain.order_words import Command, Fact, Measure, Mode, Status
from schemas.vocabulary import Fuel

Transition = tuple[Status | None, Fact | None]
"""The next status, None where it follows from the order itself (see `resting_status`); the event, None for none."""

TRANSITIONS: Mapping[tuple[Status, Command], Transition] = {
    (Status.PLACED, Command.CONFIRM): (Status.CONFIRMED, Fact.CONFIRMED),
    (Status.PLACED, Command.BEGIN_DISPENSE): (Status.PLACED, None),
    (Status.PLACED, Command.DISPENSE): (Status.CONFIRMED, Fact.CONFIRMED),
    (Status.PLACED, Command.REJECT): (Status.REJECTED, Fact.CANCELLED),
    (Status.PLACED, Command.CANCEL): (Status.CANCELLED, Fact.CANCELLED),
    (Status.PLACED, Command.EXPIRE): (Status.EXPIRED, Fact.CANCELLED),
    (Status.PLACED, Command.BEGIN_PAYMENT): (Status.PAYING, None),
    (Status.CONFIRMED, Command.DISPENSE): (Status.CONFIRMED, Fact.CONFIRMED),
    (Status.CONFIRMED, Command.ADJUST): (Status.ADJUSTED, Fact.ADJUSTED),
    (Status.CONFIRMED, Command.REJECT): (Status.REJECTED, Fact.CANCELLED),
    (Status.CONFIRMED, Command.CANCEL): (Status.CANCELLED, Fact.CANCELLED),
    (Status.CONFIRMED, Command.EXPIRE): (Status.EXPIRED, Fact.CANCELLED),
    (Status.CONFIRMED, Command.BEGIN_PAYMENT): (Status.PAYING, None),
    (Status.ADJUSTED, Command.ADJUST): (Status.ADJUSTED, Fact.ADJUSTED),
    (Status.ADJUSTED, Command.ACCEPT): (Status.CONFIRMED, Fact.CONFIRMED),
    (Status.ADJUSTED, Command.REJECT): (Status.REJECTED, Fact.CANCELLED),
    (Status.ADJUSTED, Command.CANCEL): (Status.CANCELLED, Fact.CANCELLED),
    (Status.ADJUSTED, Command.EXPIRE): (Status.EXPIRED, Fact.CANCELLED),
    (Status.PAYING, Command.LOSE_PAYMENT): (Status.UNKNOWN, None),
    (Status.PAYING, Command.FAIL_PAYMENT): (None, None),
    (Status.PAYING, Command.AUTHORISE): (Status.AUTHORISED, Fact.AUTHORISED),
    (Status.PAYING, Command.PAY): (Status.PAID, Fact.PAID),
    (Status.PAYING, Command.CANCEL): (Status.CANCELLED, Fact.CANCELLED),
    (Status.PAYING, Command.EXPIRE): (Status.EXPIRED, Fact.CANCELLED),
    (Status.UNKNOWN, Command.FAIL_PAYMENT): (None, None),
    (Status.UNKNOWN, Command.AUTHORISE): (Status.AUTHORISED, Fact.AUTHORISED),
    (Status.UNKNOWN, Command.PAY): (Status.PAID, Fact.PAID),
    (Status.UNKNOWN, Command.CANCEL): (Status.CANCELLED, Fact.CANCELLED),
    (Status.UNKNOWN, Command.EXPIRE): (Status.EXPIRED, Fact.CANCELLED),
    (Status.AUTHORISED, Command.BEGIN_DISPENSE): (Status.AUTHORISED, None),
    (Status.AUTHORISED, Command.DISPENSE): (Status.AUTHORISED, None),
    (Status.AUTHORISED, Command.PAY): (Status.PAID, Fact.PAID),
    (Status.AUTHORISED, Command.CANCEL): (Status.CANCELLED, Fact.CANCELLED),
    (Status.AUTHORISED, Command.EXPIRE): (Status.EXPIRED, Fact.CANCELLED),
    (Status.PAID, Command.BEGIN_DISPENSE): (Status.PAID, None),
    (Status.PAID, Command.DISPENSE): (Status.COMPLETED, Fact.COMPLETED),
    (Status.PAID, Command.COMPLETE): (Status.COMPLETED, Fact.COMPLETED),
    (Status.PAID, Command.BEGIN_REFUND): (Status.REFUNDING, None),
    (Status.PAID, Command.DISPUTE): (Status.DISPUTED, None),
    (Status.COMPLETED, Command.BEGIN_REFUND): (Status.REFUNDING, None),
    (Status.COMPLETED, Command.DISPUTE): (Status.DISPUTED, None),
    (Status.REFUNDING, Command.BEGIN_REFUND): (Status.REFUNDING, None),
    (Status.REFUNDING, Command.END_REFUND): (None, Fact.REFUNDED),
    (Status.REFUNDING, Command.FAIL_REFUND): (None, None),
    (Status.DISPUTED, Command.BEGIN_REFUND): (Status.REFUNDING, None),
    (Status.DISPUTED, Command.END_DISPUTE): (None, None),
}  # fmt: skip

PAYABLE: Mapping[Mode, frozenset[Status]] = {
    Mode.POST_PAY: frozenset({Status.CONFIRMED}),
    Mode.PRE_AUTH: frozenset({Status.PLACED, Status.CONFIRMED}),
    Mode.PREPAID: frozenset({Status.PLACED, Status.CONFIRMED}),
}
"""From where a payment may begin."""

OPEN = frozenset({
    Status.PLACED, Status.CONFIRMED, Status.ADJUSTED, Status.PAYING, Status.UNKNOWN, Status.AUTHORISED,
})  # fmt: skip
"""The driver is at the pump: nothing is paid yet."""
WAITS = frozenset({Status.PLACED, Status.CONFIRMED, Status.ADJUSTED, Status.AUTHORISED, Status.PAID})
"""Somebody is to do something, and not for ever; see domain.timeouts. While money moves, its own rows are due."""
FINAL = frozenset({Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.REFUNDED})


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is stored. Amounts are minor units of `currency`; the price was frozen when it was placed."""

    order_id: UUID
    version: int
    driver_id: str
    station_id: UUID
    operator: str
    pump_id: str
    fuel: Fuel
    mode: Mode
    status: Status
    price_mills: int
    price_version: int
    currency: str
    measure: Measure
    placed_at: datetime
    requested_minor: int | None = None
    """The amount asked for; of a fill-up that is paid first, the most that it may cost."""
    requested_ml: int | None = None
    volume_ml: int | None = None
    """What the pump gave, as the station said."""
    gross_minor: int | None = None
    """The fuel at the pump price."""
    discount_minor: int = 0
    """What coupons, points and campaigns take off; `breakdown` has the parts."""
    breakdown: tuple[Mapping[str, Any], ...] = ()
    coupon_ids: tuple[str, ...] = ()
    points: int = 0
    reservation_id: UUID | None = None
    """At loyalty, for the coupons and points."""
    method: str | None = None
    card_id: UUID | None = None
    authorised_minor: int = 0
    """Held on the card, or charged before fuelling."""
    paid_minor: int = 0
    """Ours in the end; after a capture, what was captured."""
    refunded_minor: int = 0
    vehicle_id: UUID | None = None
    odometer_km: int | None = None
    reason: str | None = None
    """Of the last adjustment, rejection, cancellation or dispute."""
    waiting_since: datetime | None = None
    """Since when somebody is waited for; see domain.timeouts. None where nobody is, or what was due has been done."""
    fuelling_since: datetime | None = None
    """When the pump said that fuel flows."""
    dispensed_at: datetime | None = None
    """When the station said how much it gave."""
    confirmed_at: datetime | None = None
    paid_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def payable_minor(self) -> int:
        """What is to be paid for what was dispensed."""
        return max(0, (self.gross_minor or 0) - self.discount_minor)

    @property
    def refundable_minor(self) -> int:
        """What was paid and not refunded yet."""
        return self.paid_minor - self.refunded_minor

    @property
    def is_paid_by_discounts(self) -> bool:
        """Coupons, points and campaigns left nothing to pay."""
        return self.paid_at is not None and self.discount_minor > 0 and self.paid_minor == 0


@dataclass(frozen=True, slots=True)
class Step:
    """One transition: the order after it, and what happened. `repository.orders.save` writes both and the event."""

    order: Order
    command: Command | None
    """None: it was placed."""
    before: Status | None
    fact: Fact | None
    actor: str
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    """Words and numbers for the order's history and its event; nothing personal."""


class InvalidTransition(Exception):
    """The order does not allow the command; nothing changed."""

    def __init__(self, order: Order, command: Command) -> None:
        self.status = order.status
        self.command = command
        self.allowed = sorted(allowed_commands(order))
        others = ", ".join(self.allowed) or "nothing any more"
        super().__init__(f"The order is {order.status}: {command} is not possible, {others} is.")


def allowed_commands(order: Order) -> frozenset[Command]:
    """What may be done to this order now: what the table has for its status, as far as mode and fuel allow."""
    known = frozenset(command for status, command in TRANSITIONS if status is order.status)
    return known - {command for command in known if not _suits(order, command)}


def _suits(order: Order, command: Command) -> bool:
    match command:
        case Command.BEGIN_PAYMENT:
            return order.status in PAYABLE[order.mode]
        case Command.CANCEL | Command.EXPIRE:
            return order.fuelling_since is None and order.dispensed_at is None
        case Command.BEGIN_DISPENSE if order.status is Status.PLACED and order.mode is not Mode.POST_PAY:
            return False  # the pump is locked
        case Command.BEGIN_DISPENSE | Command.DISPENSE:
            return order.dispensed_at is None
        case Command.ADJUST | Command.COMPLETE:
            return order.dispensed_at is not None
        case _:
            return True


def advance(order: Order, command: Command, actor: str, at: datetime, *, details: Mapping[str, Any] | None = None,
            **changes: Any) -> Step:  # fmt: skip
    """The order one step on, with these fields changed. Raises InvalidTransition, and nothing has changed."""
    if (order.status, command) not in TRANSITIONS or not _suits(order, command):
        raise InvalidTransition(order, command)
    status, fact = TRANSITIONS[order.status, command]
    moved = replace(order, version=order.version + 1, **changes)
    if command is Command.END_REFUND and moved.is_paid_by_discounts:
        status = Status.REFUNDED  # there are no parts of nothing
    status = status or resting_status(moved)
    moved = _with_moments(replace(moved, status=status, waiting_since=at if status in WAITS else None), command, at)
    return Step(moved, command, order.status, fact, actor, at, details or {})


_MOMENTS: Mapping[Status | Command, str] = {
    Command.BEGIN_DISPENSE: "fuelling_since", Command.DISPENSE: "dispensed_at", Status.CONFIRMED: "confirmed_at",
    Status.PAID: "paid_at", Status.COMPLETED: "completed_at",
}  # fmt: skip
"""What is noted the first time that it happens."""


def _with_moments(order: Order, command: Command, at: datetime) -> Order:
    names = [name for key in (command, order.status) if (name := _MOMENTS.get(key)) and getattr(order, name) is None]
    return replace(order, **dict.fromkeys(names, at))


def resting_status(order: Order) -> Status:
    """The status of an order that nothing is going on with: no payment, no refund, no dispute."""
    if order.paid_at is None:
        return Status.CONFIRMED if order.confirmed_at else Status.PLACED
    if order.refunded_minor and order.refunded_minor == order.paid_minor:
        return Status.REFUNDED
    return Status.COMPLETED if order.completed_at else Status.PAID
