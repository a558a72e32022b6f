"""What only people can settle: the kinds of exceptions, and what may be done about each. Pure."""

from enum import StrEnum


class Kind(StrEnum):
    """What is wrong."""

    PAID_NOT_DISPENSED = "paid_not_dispensed"
    """The money is there, and the pump gave nothing, or not all and nobody knows why."""
    OVER_DISPENSED = "over_dispensed"
    """The pump gave more than was paid for or authorised."""
    MISMATCH = "mismatch"
    """Two sides say different numbers about the same thing."""
    TIMEOUT = "timeout"
    """Fuel was dispensed, and the driver did not pay in time."""
    UNKNOWN_PAYMENT = "unknown_payment"
    """A provider has not said for long what became of a charge."""
    DISPUTED = "disputed"
    """The driver says that the order is wrong."""
    REFUND_FAILED = "refund_failed"
    """The provider cannot give the money back by itself."""
    LEDGER_DIFFERENCE = "ledger_difference"
    """The books do not agree with what happened."""
