"""What the routes of companies with fuel cards take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from payments.domain.cards import CardStatus
from payments.http_models.fuel_cards import Balance, Code, Limits, Usage
from schemas.base import Moment
from schemas.vocabulary import Currency
from servicekit.http_models import Line, Model, Shown

DRIVER = "01900000-0000-7000-8000-0000000000d1"


class NewCompany(Model):
    """A company to manage."""

    name: Annotated[Line, Field(examples=["Swift Deliveries"])]
    currency: Annotated[Currency, Field(examples=["CNY"])] = "CNY"


class MadeCompany(Shown):
    """A company that you manage."""

    company_id: UUID


class NewInvitation(Model):
    """What a driver gets who claims the code."""

    limits: Annotated[
        Limits | None, Field(description="Of the card; its plate is set once somebody has it", examples=[None])
    ] = None


class Invitation(Shown):
    """A code for one driver; it is shown this once."""

    invitation_code: Annotated[str, Field(examples=["ABCDE-FGHJK-LMNPQ-RSTUV"])]
    expires_at: Moment


class Claim(Model):
    """The code that a manager gave you."""

    invitation_code: Annotated[Code, Field(examples=["ABCDE-FGHJK-LMNPQ-RSTUV"])]


class Company(Shown):
    """A company that you manage."""

    company_id: UUID
    name: Annotated[str, Field(examples=["Swift Deliveries"])]
    currency: str
    managers: Annotated[list[str], Field(description="Their user ids, the longest first", examples=[[DRIVER]])]
    cards: Annotated[int, Field(description="How many drivers have one", examples=[12])]
    balance: Balance
    opened_at: Moment


class Companies(Shown):
    """The companies that you manage, the oldest first."""

    companies: list[Company]


class CompanyCard(Shown):
    """One of a company's cards, and what was bought with it."""

    card_id: UUID
    version: int
    driver_id: Annotated[str, Field(examples=[DRIVER])]
    number: Annotated[str, Field(description="The first six and the last four digits", examples=["990001******1234"])]
    status: CardStatus
    limits: Limits
    used: Usage
    time_zone: Annotated[str, Field(examples=["Asia/Shanghai"])]
    opened_at: Moment


class CompanyCardPage(Shown):
    """A page of a company's cards, the oldest first."""

    fuel_cards: list[CompanyCard]
    next_cursor: str | None


class Dissolved(Shown):
    """What became of a company's account."""

    company_id: UUID
    currency: str
    refunded_minor: Annotated[int, Field(description="On its way back to where the recharges came from", examples=[0])]
    left_minor: Annotated[int, Field(description="What cannot go back by itself; people see to it", examples=[0])]
