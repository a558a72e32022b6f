"""Putting money on a card, and giving back what is left: to where it came from, the newest recharge first. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MIN_RECHARGE_MINOR = 1


class RechargeStatus(StrEnum):
    """Where a recharge stands."""

    WAITING = "waiting"
    """The provider waits for the driver to pay."""
    UNKNOWN = "unknown"
    """The provider did not answer: it is asked until it does."""
    PAID = "paid"
    FAILED = "failed"
    """Nothing was charged."""
    SENT_BACK = "sent_back"
    """Paid, but it could not go onto the card any more: the driver gets it back."""


OPEN = frozenset({RechargeStatus.WAITING, RechargeStatus.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Recharge:
    """Money that goes onto a card's account, or a company's."""

    recharge_id: UUID
    card_id: UUID | None
    company_id: UUID | None
    account_id: UUID
    driver_id: str
    method: str
    amount_minor: int
    currency: str
    status: RechargeStatus
    created_at: datetime
    returned_minor: int = 0
    """What went back of it, or is on its way."""
    paid_at: datetime | None = None

    @property
    def owner(self) -> UUID:
        """The card or the company whose account it is for."""
        owner = self.card_id or self.company_id
        assert owner is not None  # noqa: S101 - the table holds exactly one
        return owner

    @property
    def returnable_minor(self) -> int:
        """What can still go back through its charge."""
        return self.amount_minor - self.returned_minor


def returns_of(balance_minor: int, newest_first: Sequence[Recharge]) -> list[tuple[Recharge, int]]:
    """How a balance goes back: (recharge, amount), each at most what was charged. Where they are too few, less."""
    returns: list[tuple[Recharge, int]] = []
    for recharge in newest_first:
        part = min(balance_minor, recharge.returnable_minor)
        if part > 0:
            returns.append((recharge, part))
            balance_minor -= part
    return returns
