"""A provider's daily bill, line by line."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BillKind(StrEnum):
    """A line of a provider's bill."""

    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a provider's daily bill."""

    kind: BillKind
    number: str
    """Ours: out_trade_no, or out_refund_no."""
    trade_id: str
    amount_minor: int
    currency: str
    at: datetime
