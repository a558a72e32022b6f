"""Who issues invoices (fapiao) for us, in our words: the Protocol behind which WeChat Pay's invoices stand.

Asking is idempotent by its two numbers, the application's and the try's. No answer says nothing: ask how far it is.
Raises ProviderAway, and ProviderRefused where it answered that it will not do it (payments.providers.channel).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from payments.domain.invoices import Invoice
from payments.domain.titles import Title


class FapiaoState(StrEnum):
    """How far a try is at the provider."""

    NOT_FOUND = "not_found"
    """It never came."""
    ACCEPTED = "accepted"
    ISSUED = "issued"
    REVERSING = "reversing"
    REVERSED = "reversed"
    FAILED = "failed"
    """It will not be issued; another try may."""


@dataclass(frozen=True, slots=True)
class Fapiao:
    """A try as the provider has it."""

    state: FapiaoState
    number: str | None = None
    code: str | None = None
    at: datetime | None = None
    red_number: str | None = None
    red_at: datetime | None = None
    total_minor: int | None = None


@dataclass(frozen=True, slots=True)
class ChargeOfOrder:
    """A charge at the provider that the invoice is for: its number, ours, and how much."""

    trade_id: str
    number: str
    amount_minor: int


class FapiaoIssuer(Protocol):
    """A provider of invoices."""

    def can_issue(self, invoice: Invoice) -> bool:
        """Whether this seller and these grades are set up."""
        ...

    async def issue(self, invoice: Invoice, buyer: Title, charges: Sequence[ChargeOfOrder]) -> None:
        """Asks for the invoice, as the try that it names; that it is accepted says nothing of how it ends."""
        ...

    async def query(self, invoice: Invoice) -> Fapiao:
        """How far the invoice's try is."""
        ...

    async def reverse(self, invoice: Invoice) -> None:
        """Asks for the red invoice that takes it back."""
        ...
