"""What the routes of fuel cards take and give."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from payments.domain.card_numbers import MAX_DIGITS, number_of
from payments.domain.cards import CardKind, CardStatus
from payments.domain.holders import document_of
from payments.domain.limits import MINUTES_OF_DAY
from payments.domain.money import MAX_MINOR, MAX_VOLUME_ML
from payments.domain.recharges import RechargeStatus
from payments.http_models.payers import ProviderName
from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel
from servicekit.http_models import Line, Model, Shown

CARD = "01900000-0000-7000-8000-0000000000ca"
STATION = "01900000-0000-7000-8000-000000000001"
MAX_STATIONS = 200
MAX_WINDOWS = 14
MAX_COUNT = 10_000

Number = Annotated[
    str, StringConstraints(max_length=2 * MAX_DIGITS), AfterValidator(number_of),
    Field(description="The digits on the card; gaps do not matter", examples=["9900 0000 0000 0002"]),
]  # fmt: skip
Code = Annotated[str, StringConstraints(min_length=4, max_length=40, pattern=r"^[0-9A-Za-z -]+$")]
Document = Annotated[
    str, StringConstraints(min_length=5, max_length=30), AfterValidator(document_of),
    Field(description="Number of a resident identity card, or of a passport", examples=["110101199001010015"]),
]  # fmt: skip
Plate = Annotated[
    str, StringConstraints(min_length=1, max_length=24, pattern=r"[^\W_]"),
    Field(description="The one vehicle it is for: a payment has to say its plate", examples=["京A12345"]),
]  # fmt: skip
CapMinor = Annotated[int, Field(ge=0, le=MAX_MINOR, strict=True, examples=[50_000])]
CapVolume = Annotated[int, Field(ge=0, le=100 * MAX_VOLUME_ML, strict=True, examples=[60_000])]
CapCount = Annotated[int, Field(ge=0, le=MAX_COUNT, strict=True, examples=[2])]
Minute = Annotated[int, Field(ge=0, le=MINUTES_OF_DAY, strict=True, description="Of the day", examples=[360])]
Minor = Annotated[int, Field(description="Minor units of the card's currency", examples=[23_550])]


class HolderIn(Model):
    """Whose card it is, by real name."""

    name: Annotated[Line, Field(examples=["Li Lei"])]
    document: Document


class VirtualCard(Model):
    """A card that exists in the app only."""

    kind: Literal["virtual"]
    currency: Annotated[Currency, Field(examples=["CNY"])] = "CNY"
    holder: HolderIn | None = None


class PhysicalCard(Model):
    """A card that you hold in your hand; the activation code came with it."""

    kind: Literal["physical"]
    number: Number
    activation_code: Annotated[Code, Field(examples=["7FQ2-K9XM"])]
    holder: HolderIn | None = None


class InvitedCard(Model):
    """A card of a company whose manager gave you a code."""

    kind: Literal["company"]
    invitation_code: Annotated[Code, Field(examples=["ABCDE-FGHJK-LMNPQ-RSTUV"])]


NewCard = Annotated[VirtualCard | PhysicalCard | InvitedCard, Field(discriminator="kind")]


class FillCap(Model):
    """The most of one fill; null: no bound."""

    amount_minor: CapMinor | None = None
    volume_ml: CapVolume | None = None


class PeriodCap(FillCap):
    """The most of a day, week or month; null: no bound."""

    count: CapCount | None = None


class Window(Model):
    """Hours of some weekdays: from <= minute of the day < until. What goes past midnight is two windows."""

    weekdays: Annotated[
        list[Annotated[int, Field(ge=1, le=7, strict=True)]],
        Field(min_length=1, max_length=7, description="1 is Monday", examples=[[1, 2, 3, 4, 5]]),
    ]
    from_minute: Minute
    until_minute: Annotated[Minute, Field(examples=[1_200])]

    @model_validator(mode="after")
    def _has_time(self) -> Self:
        if self.until_minute <= self.from_minute:
            raise ValueError("until_minute must be above from_minute: past midnight begins a second window")
        return self


class Limits(Model):
    """All limits of a card; what is left out or null limits nothing. They take the place of all that were."""

    per_fill: FillCap | None = None
    day: PeriodCap | None = None
    week: Annotated[PeriodCap | None, Field(description="From Monday")] = None
    month: PeriodCap | None = None
    fuels: Annotated[list[Fuel] | None, Field(max_length=len(Fuel), examples=[["petrol_95"]])] = None
    stations: Annotated[list[UUID] | None, Field(max_length=MAX_STATIONS, examples=[None])] = None
    windows: Annotated[list[Window] | None, Field(max_length=MAX_WINDOWS)] = None
    plate: Plate | None = None


class HolderOut(Shown):
    """Whose card it is, as far as it is shown."""

    name: Annotated[str, Field(examples=["Li Lei"])]
    document: Annotated[
        str, Field(description="The first six and the last four characters", examples=["110101********0015"])
    ]


class Balance(Shown):
    """What is on the card."""

    posted_minor: Minor
    held_minor: Annotated[Minor, Field(description="Set aside for orders that are not settled yet")]
    available_minor: Minor


class Used(Shown):
    """What was bought in a period that runs now."""

    amount_minor: Minor
    volume_ml: Annotated[int, Field(examples=[30_000])]
    count: Annotated[int, Field(examples=[1])]


class Usage(Shown):
    """What was bought so far, by the clock of the card's time zone."""

    day: Used
    week: Used
    month: Used


class MadeCard(Shown):
    """A card that is yours now; GET it to see all of it."""

    card_id: UUID
    version: int
    kind: CardKind
    company_id: UUID | None
    currency: str


class Card(MadeCard):
    """One of your fuel cards."""

    number: Annotated[str, Field(description="The first six and the last four digits", examples=["990001******1234"])]
    status: CardStatus
    named: Annotated[bool, Field(description="Whether its holder's real name is known")]
    holder: HolderOut | None
    balance: Annotated[Balance | None, Field(description="Null: it draws on its company's account")]
    limits: Annotated[Limits, Field(description="What it may be used for")]
    used: Usage
    time_zone: Annotated[str, Field(examples=["Asia/Shanghai"])]
    opened_at: Moment
    expires_at: Annotated[Moment | None, Field(description="Null: never")]
    closed_at: Moment | None


class Cards(Shown):
    """Your fuel cards, the oldest first."""

    fuel_cards: list[Card]


class Transaction(Shown):
    """Money that came onto the card's account, above zero, or left it, below zero."""

    transaction_id: Annotated[str, Field(examples=["120981"])]
    kind: Annotated[str, Field(description="payment, capture, recharge, refund, unbinding ...", examples=["payment"])]
    amount_minor: Minor
    order_id: Annotated[UUID | None, Field(description="The order that it is about")]
    recharge_id: Annotated[UUID | None, Field(description="The recharge that it is about")]
    at: Moment


class TransactionPage(Shown):
    """A page of transactions, the newest first."""

    currency: str
    transactions: list[Transaction]
    next_cursor: str | None


class Unbound(Shown):
    """What became of a card that was unbound."""

    card_id: UUID
    currency: str
    refunded_minor: Annotated[Minor, Field(description="On its way back to where the recharges came from")]
    left_minor: Annotated[Minor, Field(description="What cannot go back by itself; people see to it")]


class NewRecharge(Model):
    """How much to put on it, and by which provider you pay it."""

    amount_minor: Annotated[int, Field(ge=1, le=MAX_MINOR, strict=True, examples=[20_000])]
    method: ProviderName


class Recharge(Shown):
    """A recharge, and how far it is."""

    recharge_id: UUID
    card_id: UUID | None
    company_id: UUID | None
    method: Annotated[str, Field(examples=["wechat"])]
    amount_minor: Minor
    currency: str
    status: Annotated[
        RechargeStatus, Field(description="sent_back: it came too late, or no longer fitted, and goes back to you")
    ]
    returned_minor: Annotated[Minor, Field(description="What went back of it when the card was unbound")]
    created_at: Moment
    paid_at: Moment | None
    client: Annotated[dict[str, str] | None, Field(description="What the app on the phone needs to ask for it")]
    expires_at: Annotated[Moment | None, Field(description="Until then it can be confirmed")]
