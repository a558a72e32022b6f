"""What is made of a pump's report of what it gave. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from payments.domain.exceptions import Kind
from payments.domain.order_words import Command
from payments.domain.orders import Order, allowed_commands
from payments.domain.quantities import Disagreement, agreed


class DispenseOutcome(StrEnum):
    """What became of a report."""

    TAKEN = "taken"
    NOTHING = "nothing"
    """The pump gave nothing."""
    AGREED = "agreed"
    """Staff had said the same before."""
    DISAGREES = "disagrees"
    """Its amount is not what its volume costs, or staff said another volume."""
    SECOND = "second"
    """The order has been dispensed before."""
    UNPAID = "unpaid"
    """The order had ended, or its money was not there yet."""


EXCEPTIONS = {
    DispenseOutcome.DISAGREES: Kind.MISMATCH,
    DispenseOutcome.SECOND: Kind.OVER_DISPENSED,
    DispenseOutcome.UNPAID: Kind.TIMEOUT,
}
"""What people have to settle."""
REFUSALS = {
    DispenseOutcome.DISAGREES: "What the pump and the station said do not agree",
    DispenseOutcome.SECOND: "The order has been dispensed before",
    DispenseOutcome.UNPAID: "The order was not one that the pump could give fuel for",
}


@dataclass(frozen=True, slots=True)
class Dispense:
    """A report as it is stored; the station chooses its id, and sends the same again until it hears an answer."""

    station_id: UUID
    dispense_id: str
    order_id: UUID
    volume_ml: int
    amount_minor: int | None
    started_at: datetime | None
    ended_at: datetime
    reported_by: str
    received_at: datetime
    outcome: DispenseOutcome

    def says_the_same_as(self, other: "Dispense") -> bool:
        """Whether it is the same report, sent again."""
        return (self.order_id, self.volume_ml, self.amount_minor) == (
            other.order_id,
            other.volume_ml,
            other.amount_minor,
        )

    def evidence(self, order: Order) -> dict[str, Any]:
        """Both sides' numbers, for whoever decides."""
        return {
            "dispense_id": self.dispense_id, "outcome": self.outcome, "volume_ml": self.volume_ml,
            "amount_minor": self.amount_minor, "ended_at": self.ended_at, "order_status": order.status,
            "order_volume_ml": order.volume_ml, "order_gross_minor": order.gross_minor,
        }  # fmt: skip


def judge(order: Order, volume_ml: int, amount_minor: int | None, *, is_first: bool) -> DispenseOutcome:
    """What a report means for the order; `is_first`: no other report was accepted for it."""
    try:
        agreed(order, volume_ml, amount_minor)
    except Disagreement:
        return DispenseOutcome.DISAGREES
    if not volume_ml:
        return DispenseOutcome.NOTHING
    if order.dispensed_at is None:
        return DispenseOutcome.TAKEN if Command.DISPENSE in allowed_commands(order) else DispenseOutcome.UNPAID
    if not is_first:
        return DispenseOutcome.SECOND
    return DispenseOutcome.AGREED if order.volume_ml == volume_ml else DispenseOutcome.DISAGREES
