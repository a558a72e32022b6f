"""What the routes about orders of gifts take and give."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from loyalty.domain.gifts import GiftOrderStatus, GiftStep, GiftWay
from loyalty.http_models.gifts import GIFT
from loyalty.http_models.terms import STATION, Money
from schemas.base import Moment
from servicekit.http_models import Line, Model, Shown


class PickUpWish(Model):
    """You come for it."""

    kind: Literal["pick_up"]
    station_id: UUID


class DeliveryWish(Model):
    """It is sent to you; kept sealed, shown to who ships it, and forgotten when it has arrived."""

    kind: Literal["delivery"]
    name: Annotated[Line, Field(examples=["Mei Lin"])]
    phone: Annotated[str, Field(pattern=r"^\+[1-9]\d{7,14}$", examples=["+8613800138000"])]
    address: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]+$"),
        Field(examples=["1 Changan Avenue, Beijing"]),
    ]


class NewGiftOrder(Model):
    """Which gift you want, and how it comes to you."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"gift_id": GIFT, "how": {"kind": "pick_up", "station_id": STATION}}]},
    )

    gift_id: UUID
    how: Annotated[PickUpWish | DeliveryWish, Field(discriminator="kind")]


class GiftOrder(Shown):
    """An order of one gift, at the terms of when it was placed."""

    gift_order_id: UUID
    version: Annotated[int, Field(description="Grows by one with each change", examples=[1])]
    gift_id: UUID
    name: Annotated[str, Field(examples=["Umbrella"])]
    operator: str
    status: GiftOrderStatus
    how: GiftWay
    station_id: Annotated[UUID | None, Field(description="Null, to be picked up: wherever the gift is handed over")]
    points: Annotated[int, Field(description="Spent on it; 0 where it was given to you", examples=[500])]
    money_minor: Annotated[int | None, Field(description="To be paid at the counter", examples=[None])]
    currency: str | None
    campaign_id: Annotated[UUID | None, Field(description="Of the campaign that gave it to you")]
    next: Annotated[list[GiftStep], Field(description="What may come", examples=[["prepare", "hand_over", "cancel"]])]
    placed_at: Moment
    ready_at: Moment | None
    handed_over_at: Moment | None
    ended_at: Moment | None
    expires_at: Annotated[Moment | None, Field(description="Until when it waits; then your points come back")]


class GiftOrderPage(Shown):
    """A page of orders; `next_cursor` null on the last page."""

    gift_orders: list[GiftOrder]
    next_cursor: str | None


class PickUpCode(Shown):
    """A code to show at the counter. It is shown this once; another one takes its place."""

    code: Annotated[str, Field(examples=["ABCD-EFGH-JKLM"])]
    expires_at: Moment


class GiftHandOver(Model):
    """The code that a driver shows, and where you are."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"code": "ABCD-EFGH-JKLM", "station_id": STATION}]}
    )

    code: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]+$", examples=["ABCD-EFGH-JKLM"])]
    station_id: UUID
    money_received_minor: Annotated[Money | None, Field(description="Where the gift has a part in money")] = None


class GiftReturn(Model):
    """A gift comes back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"damaged": False}]})

    damaged: Annotated[bool, Field(description="Whether nobody else can get it")] = False


class GiftAddress(Shown):
    """Where a gift is sent to."""

    name: Annotated[str, Field(examples=["Mei Lin"])]
    phone: Annotated[str, Field(examples=["+8613800138000"])]
    address: Annotated[str, Field(examples=["1 Changan Avenue, Beijing"])]


class GiftDelivery(GiftOrder):
    """A gift to be sent, or on its way; `address` null where its driver is gone."""

    address: GiftAddress | None


class GiftDeliveryPage(Shown):
    """A page of deliveries, the oldest first."""

    gift_orders: list[GiftDelivery]
    next_cursor: str | None
