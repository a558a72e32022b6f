"""A refuelling order: its states, the commands that lead from one to another, and what each tells the others. Pure.

The whole life of an order is the table TRANSITIONS. What is not in it is refused and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from schemas.vocabulary import Fuel


class Mode(StrEnum):
    """Who goes first, the fuel or the money."""

    POST_PAY = "post_pay"
    """Fuel first, then pay."""
    PRE_AUTH = "pre_auth"
    """An amount is held, the pump unlocks, what was dispensed is captured, the rest is released."""
    PREPAID = "prepaid"
    """A fixed amount is paid, then the pump gives fuel for it; what it did not give is refunded."""


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    """Post-pay: the station said what was dispensed, so the driver can pay. The others: the station agreed."""
    ADJUSTED = "adjusted"
    """The station said another amount than before; the driver is to accept it."""
    PAYING = "paying"
    """A charge or a hold is under way; nobody else may start one."""
    UNKNOWN = "unknown"
    """The provider did not answer: it is asked until it does, and never charged again."""
    AUTHORISED = "authorised"
    """The money is held: the pump is unlocked."""
    PAID = "paid"
    COMPLETED = "completed"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    """All that was paid went back."""
    DISPUTED = "disputed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Command(StrEnum):
    """What somebody does to an order."""

    CONFIRM = "confirm"
    ADJUST = "adjust"
    ACCEPT = "accept"
    REJECT = "reject"
    CANCEL = "cancel"
    EXPIRE = "expire"
    BEGIN_PAYMENT = "begin_payment"
    FAIL_PAYMENT = "fail_payment"
    LOSE_PAYMENT = "lose_payment"
    """The provider did not answer."""
    AUTHORISE = "authorise"
    DISPENSE = "dispense"
    """The pump said how much it gave."""
    PAY = "pay"
    """The money is ours: charged, or captured from what was held."""
    COMPLETE = "complete"
    BEGIN_REFUND = "begin_refund"
    END_REFUND = "end_refund"
    """The refund reached the driver, or failed: the status follows from what was refunded."""
    DISPUTE = "dispute"
    END_DISPUTE = "end_dispute"


class Fact(StrEnum):
    """The event that a transition publishes; see schemas.orders."""

    PLACED = "OrderPlaced"
    CONFIRMED = "OrderConfirmed"
    ADJUSTED = "OrderAdjusted"
    AUTHORISED = "OrderAuthorised"
    PAID = "OrderPaid"
    COMPLETED = "OrderCompleted"
    REFUNDED = "OrderRefunded"
    CANCELLED = "OrderCancelled"
    """Rejected and expired too: the event says which."""


Transition = tuple[Status | None, Fact | None]
"""The next status, None where it follows from the order itself (see `resting_status`); the event, None for none."""

TRANSITIONS: Mapping[tuple[Status, Command], Transition] = {
    (Status.PLACED, Command.CONFIRM): (Status.CONFIRMED, Fact.CONFIRMED),
    (Status.PLACED, Command.DISPENSE): (Status.CONFIRMED, Fact.CONFIRMED),
    (Status.PLACED, Command.REJECT): (Status.REJECTED, Fact.CANCELLED),
    (Status.PLACED, Command.CANCEL): (Status.CANCELLED, Fact.CANCELLED),
    (Status.PLACED, Command.EXPIRE): (Status.EXPIRED, Fact.CANCELLED),
    (Status.PLACED, Command.BEGIN_PAYMENT): (Status.PAYING, None),
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
    (Status.AUTHORISED, Command.DISPENSE): (Status.AUTHORISED, None),
    (Status.AUTHORISED, Command.PAY): (Status.PAID, Fact.PAID),
    (Status.AUTHORISED, Command.CANCEL): (Status.CANCELLED, Fact.CANCELLED),
    (Status.AUTHORISED, Command.EXPIRE): (Status.EXPIRED, Fact.CANCELLED),
    (Status.PAID, Command.DISPENSE): (Status.COMPLETED, Fact.COMPLETED),
    (Status.PAID, Command.COMPLETE): (Status.COMPLETED, Fact.COMPLETED),
    (Status.PAID, Command.BEGIN_REFUND): (Status.REFUNDING, None),
    (Status.PAID, Command.DISPUTE): (Status.DISPUTED, None),
    (Status.COMPLETED, Command.BEGIN_REFUND): (Status.REFUNDING, None),
    (Status.COMPLETED, Command.DISPUTE): (Status.DISPUTED, None),
    (Status.REFUNDING, Command.BEGIN_REFUND): (Status.REFUNDING, None),
    (Status.REFUNDING, Command.END_REFUND): (None, Fact.REFUNDED),
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
FINAL = frozenset({Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.REFUNDED})


class InvalidTransition(Exception):
    """The order's state does not allow the command; nothing changed."""

    def __init__(self, status: Status, command: Command) -> None:
        allowed = ", ".join(sorted(allowed_commands(status))) or "nothing any more"
        super().__init__(f"The order is {status}: {command} is not possible, {allowed} is.")
        self.status = status
        self.command = command


def allowed_commands(status: Status) -> frozenset[Command]:
    """What may be done to an order of this status."""
    return frozenset(command for known, command in TRANSITIONS if known is status)


class Measure(StrEnum):
    """How the driver said how much."""

    AMOUNT = "amount"
    VOLUME = "volume"
    FILL_UP = "fill_up"


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
    shift_id: UUID | None = None
    deadline_at: datetime | None = None
    """When the next timeout is due; None where nothing waits."""
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


def advance(order: Order, command: Command, actor: str, at: datetime, *, details: Mapping[str, Any] | None = None,
            **changes: Any) -> Step:  # fmt: skip
    """The order one step on, with these fields changed. Raises InvalidTransition, and nothing has changed."""
    try:
        status, fact = TRANSITIONS[order.status, command]
    except KeyError:
        raise InvalidTransition(order.status, command) from None
    if command is Command.BEGIN_PAYMENT and order.status not in PAYABLE[order.mode]:
        raise InvalidTransition(order.status, command)
    moved = replace(order, version=order.version + 1, **changes)
    moved = replace(moved, status=status or resting_status(moved))
    return Step(moved, command, order.status, fact, actor, at, details or {})


def resting_status(order: Order) -> Status:
    """The status of an order that nothing is going on with: no payment, no refund, no dispute."""
    if order.paid_at is None:
        return Status.CONFIRMED if order.confirmed_at else Status.PLACED
    if order.refunded_minor and order.refunded_minor == order.paid_minor:
        return Status.REFUNDED
    return Status.COMPLETED if order.completed_at else Status.PAID
