"""What the routes of points give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from loyalty.domain.point_words import about_debt
from loyalty.domain.points import Kind
from schemas.base import Moment
from schemas.vocabulary import Currency
from servicekit.http_models import Amount, Shown


class Worth(Shown):
    """What all points that can be spent take off an order of a currency."""

    currency: Annotated[Currency, Field(examples=["CNY"])]
    points_per_minor: Annotated[int, Field(description="Points that take off one minor unit", examples=[1])]
    amount_minor: Annotated[Amount, Field(examples=[420])]


class Expiry(Shown):
    """Points that expire together."""

    expires_at: Annotated[Moment, Field(description="The first moment at which they are gone")]
    points: Annotated[int, Field(examples=[180])]


class PointsAccount(Shown):
    """A driver's points."""

    balance: Annotated[int, Field(description="All there are; below zero: points that are owed", examples=[520])]
    spendable: Annotated[int, Field(description="Neither set aside nor owed", examples=[420])]
    held: Annotated[int, Field(description="Set aside for an order that is being paid", examples=[100])]
    owed: Annotated[int, Field(description="What the points that come next pay first", examples=[0])]
    explanation: Annotated[
        str | None, Field(description="Why points are owed, for people", examples=[about_debt(60)])
    ]  # fmt: skip
    worth: Annotated[list[Worth], Field(description="By currency, for the points that can be spent")]
    expiries: Annotated[list[Expiry], Field(description="When points expire, the next first; at most 24")]


class PointsEntry(Shown):
    """One change of a driver's points."""

    entry_id: UUID
    kind: Annotated[Kind, Field(examples=["accrued"])]
    reason: Annotated[str, Field(description="order, reward, gift, refund ...; expect new ones", examples=["order"])]
    text: Annotated[str, Field(description="For people", examples=["Earned by refuelling"])]
    points: Annotated[int, Field(description="Below zero: taken", examples=[231])]
    balance: Annotated[int, Field(description="After it", examples=[520])]
    order_id: UUID | None
    gift_order_id: UUID | None
    at: Moment


class PointsEntries(Shown):
    """A page of entries, the latest first."""

    entries: list[PointsEntry]
    next_cursor: str | None
