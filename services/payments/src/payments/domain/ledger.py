"""Double entry: accounts, postings that sum to zero, transfers that happen once, and holds. Pure.

A posting above zero credits its account, one below zero debits it. So what Forecourt owes (a card's balance, a
station's revenue) is above zero, and what is owed to it (a provider's clearing account) is below.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID, uuid5

_NAMESPACE = UUID("0199a000-0000-7000-8000-00006c656467")


class AccountKind(StrEnum):
    """What an account is for."""

    STATION = "station"
    """A station's revenue, which Forecourt owes its operator; its owner is the station's id."""
    CARD = "card"
    """The balance of a fuel card, or of a company's account with many cards."""
    DEPOSIT = "deposit"
    """Charged before fuelling and not yet earned; its owner is the order's id."""
    PROVIDER = "provider"
    """What a payment provider has taken for us and not paid out; its owner is the provider's name."""
    PROMOTION = "promotion"
    """What coupons, points and campaigns paid for a driver; its owner is who bears it, e.g. `loyalty`."""
    SUSPENSE = "suspense"
    """Money that nobody can place yet: an unknown payment, until somebody decides; its owner is the provider."""


NEVER_BELOW_ZERO = frozenset({AccountKind.CARD, AccountKind.DEPOSIT})
"""Their available balance (posted less held) is checked at each posting, so they have one row that is updated. The
others are hot: their postings are only added, and their balance is summed up later."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account; its id follows from what it is, so nobody need look it up."""

    kind: AccountKind
    owner: str
    currency: str

    @property
    def id(self) -> UUID:
        """The same for the same account, everywhere."""
        return _account_id(self.kind, self.owner, self.currency)

    @property
    def is_checked(self) -> bool:
        """Whether it may never fall below zero."""
        return self.kind in NEVER_BELOW_ZERO


@lru_cache(maxsize=10_000)
def _account_id(kind: str, owner: str, currency: str) -> UUID:
    return uuid5(_NAMESPACE, f"{kind}|{owner}|{currency}")


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a transfer, in minor units of the account's currency; never zero."""

    account: Account
    amount_minor: int


class TransferKind(StrEnum):
    """Why money moves."""

    PAYMENT = "payment"
    CAPTURE = "capture"
    DEPOSIT = "deposit"
    RELEASE = "release"
    REFUND = "refund"
    RECHARGE = "recharge"
    UNBINDING = "unbinding"
    LATE_PAYMENT = "late_payment"
    REVERSAL = "reversal"
    CORRECTION = "correction"
    """After a reconciliation, decided by people, with a ticket."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that moves once. `key` is its business identity, e.g. `refund|<refund id>`: a second one is the first.

    Raises ValueError where its postings are none, hold a zero, or do not sum to zero in each currency.
    """

    id: UUID
    kind: TransferKind
    key: str
    postings: tuple[Posting, ...]
    subject: UUID | None = None
    """The order, card or recharge that it is about."""

    def __post_init__(self) -> None:
        sums: dict[str, int] = {}
        for posting in self.postings:
            sums[posting.account.currency] = sums.get(posting.account.currency, 0) + posting.amount_minor
        if not self.postings or not all(posting.amount_minor for posting in self.postings) or any(sums.values()):
            raise ValueError(f"the postings of {self.key} do not balance")


class HoldStatus(StrEnum):
    """What became of a hold."""

    PENDING = "pending"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Hold:
    """Money of an account that is set aside until it is posted, wholly or in part, or voided, or expires."""

    id: UUID
    account: Account
    amount_minor: int
    key: str
    expires_at: datetime
    subject: UUID | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's balance in minor units."""

    posted_minor: int
    held_minor: int

    @property
    def available_minor(self) -> int:
        """What may be spent."""
        return self.posted_minor - self.held_minor


class InsufficientFunds(Exception):
    """An account would fall below zero; nothing was posted."""

    def __init__(self) -> None:
        super().__init__("there is not enough money on the account")
