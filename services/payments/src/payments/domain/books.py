"""What the books say when they are read: statements of accounts, and the trial balance. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payments.domain.ledger import Account, Balance


@dataclass(frozen=True, slots=True)
class Line:
    """One posting on an account's statement, with the balance that it left."""

    posting_id: int
    transfer_id: UUID
    kind: str
    subject: UUID | None
    """The order, card or recharge that it is about."""
    at: datetime
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """An account, its balance now, and a page of its postings, the newest first."""

    account: Account
    balance: Balance
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class AccountSum:
    """An account's balance as its postings and holds say it is, and as it is kept ready."""

    account: Account
    true: Balance
    kept: Balance

    @property
    def differs(self) -> bool:
        """Whether what is kept is not what is true."""
        return self.true != self.kept


@dataclass(frozen=True, slots=True)
class KindSum:
    """All accounts of a kind and currency together."""

    currency: str
    kind: str
    accounts: int
    posted_minor: int
    held_minor: int


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """The whole ledger at one moment."""

    sums: Sequence[KindSum]
    differences: Sequence[AccountSum]
    """Accounts whose kept balance is not that of their postings and holds."""
    transfers: int
    empty_transfers: int
    """Transfers without postings; none is ever made."""

    @property
    def totals(self) -> dict[str, int]:
        """The sum of all postings of each currency, which is zero."""
        totals: dict[str, int] = {}
        for one in self.sums:
            totals[one.currency] = totals.get(one.currency, 0) + one.posted_minor
        return totals

    @property
    def is_balanced(self) -> bool:
        """Whether all is as it must be."""
        return not (any(self.totals.values()) or self.differences or self.empty_transfers)
