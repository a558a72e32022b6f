"""What paying with a fuel card does to an order, a card and the ledger: decided, then written whole. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from payments.domain.cards import Card
from payments.domain.ledger import Hold, Transfer
from payments.domain.limits import Purchase
from payments.domain.money import volume_for
from payments.domain.orders import Order, Step

METHOD = "fuel_card"


class Outcome(StrEnum):
    """What became of a charge when it was to be written."""

    DONE = "done"
    AGAIN = "again"
    """Its idempotency key is known: the same request came before."""
    GONE = "gone"
    """The driver was erased meanwhile."""
    CHANGED = "changed"
    """The order or the card is not what the charge was decided on; decide again."""
    INSUFFICIENT = "insufficient"
    """Somebody else spent the money of the account meanwhile."""


@dataclass(frozen=True, slots=True)
class Charge:
    """All that is written of one payment, if the order and the card are still of these versions."""

    order_version: int
    steps: tuple[Step, ...]
    amount_minor: int
    """To be had from the card's account; zero where coupons and points pay all."""
    card: Card | None
    """None where nothing is asked of it."""
    purchase: Purchase
    transfer: Transfer | None = None
    hold: Hold | None = None

    @property
    def order(self) -> Order:
        """The order afterwards."""
        return self.steps[-1].order


def purchase_of(order: Order, amount_minor: int, at: datetime, *, plate_matches: bool) -> Purchase:
    """What a card's limits are asked about: what was dispensed, or the most that may be."""
    volume = order.volume_ml or order.requested_ml or volume_for(amount_minor, order.price_mills, order.currency)
    return Purchase(amount_minor, volume, order.fuel, order.station_id, at, plate_matches)
