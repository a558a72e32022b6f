"""What the ledger's routes show."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Moment
from schemas.vocabulary import Currency
from servicekit.http_models import Amount, Shown

ACCOUNT = "0b0c6d4e-55a1-5f0e-9d5b-0a4f4f6f2c11"
STATION = "01930b5e-0000-7000-8000-000000000001"


class LedgerAccount(Shown):
    """A station's account: its revenue in one currency, which is owed to its operator."""

    account_id: UUID
    station_id: UUID
    currency: Currency
    posted_minor: Amount


class LedgerLine(Shown):
    """One posting: above zero it credits the account."""

    transfer_id: UUID
    kind: Annotated[str, Field(description="payment, capture, refund ...; expect new ones", examples=["payment"])]
    subject: Annotated[UUID | None, Field(description="The order that it is about")]
    at: Moment
    amount_minor: Amount
    balance_minor: Annotated[int, Field(description="What the account held after it", examples=[1_023_550])]


class LedgerStatement(LedgerAccount):
    """An account and a page of its postings, the newest first."""

    lines: list[LedgerLine]
    next_cursor: Annotated[str | None, Field(description="Ask for the next page with it; null: this was the last")]


class LedgerAccounts(Shown):
    """The accounts of a station, one for each currency that something was posted in."""

    accounts: list[LedgerAccount]
