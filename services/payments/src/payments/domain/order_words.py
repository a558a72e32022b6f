"""The words of a refuelling order: its modes, measures, states, commands and facts. Pure."""

from enum import StrEnum


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
    BEGIN_DISPENSE = "begin_dispense"
    """Fuel flows: from here on nobody can cancel."""
    DISPENSE = "dispense"
    """The pump said how much it gave."""
    PAY = "pay"
    """The money is ours: charged, or captured from what was held."""
    COMPLETE = "complete"
    BEGIN_REFUND = "begin_refund"
    END_REFUND = "end_refund"
    """The refund reached the driver: the status follows from what was refunded."""
    FAIL_REFUND = "fail_refund"
    """The provider gave a final no, or a second person did: nothing went back."""
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


class Measure(StrEnum):
    """How the driver said how much."""

    AMOUNT = "amount"
    VOLUME = "volume"
    FILL_UP = "fill_up"
