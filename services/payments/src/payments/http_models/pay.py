"""What the routes of paying and refunding take and give."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from payments.domain.money import MAX_MINOR, MAX_VOLUME_ML
from payments.domain.provider_words import Provider
from payments.domain.refunds import RefundReason, RefundStatus
from payments.http_models.fuel_cards import Plate
from payments.http_models.orders import CouponId, Order
from schemas.base import Moment
from servicekit.http_models import Amount, Model, Shown


class Method(StrEnum):
    """How to pay."""

    WECHAT = Provider.WECHAT
    ALIPAY = Provider.ALIPAY
    FUEL_CARD = "fuel_card"


class Pay(Model):
    """How you pay. What you say here of coupons and points takes the place of what the order was placed with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"method": "wechat"}]})

    method: Method
    card_id: Annotated[UUID | None, Field(description="Of method fuel_card: which one")] = None
    coupon_ids: Annotated[tuple[CouponId, ...] | None, Field(max_length=10, examples=[[]])] = None
    points: Annotated[int | None, Field(ge=0, le=10**9, strict=True, examples=[0])] = None
    plate: Annotated[Plate | None, Field(description="Of a card that is for one vehicle: its number plate")] = None
    without_discounts: Annotated[
        bool,
        Field(description="Pay the full price: no campaign, coupon or point is used. For when loyalty is away"),
    ] = False

    @model_validator(mode="after")
    def _card_and_method_agree(self) -> "Pay":
        if (self.card_id is not None) is not (self.method is Method.FUEL_CARD):
            raise ValueError("card_id is for the method fuel_card, and it needs one")
        return self

    @model_validator(mode="after")
    def _is_of_one_mind_about_discounts(self) -> "Pay":
        if self.without_discounts and (self.coupon_ids or self.points):
            raise ValueError("without_discounts pays the full price: leave out coupon_ids and points")
        return self


class Payment(Shown):
    """How far the payment is."""

    method: Annotated[str | None, Field(examples=["wechat"])]
    status: Annotated[
        Literal["paid", "authorised", "waiting", "unknown", "failed"],
        Field(
            description="waiting: confirm it in the app. unknown: look at the order until it says. failed: it was "
            "given up meanwhile, and nothing is charged",
            examples=["waiting"],
        ),
    ]
    client: Annotated[dict[str, str] | None, Field(description="What the app on the phone needs to ask for it")]
    expires_at: Annotated[Moment | None, Field(description="Until then it can be confirmed")]


class Paid(Shown):
    """The order, and how far its payment is."""

    order: Order
    payment: Payment


class NewRefund(Model):
    """How much goes back: just one of an amount, fuel that was not received, and the whole."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"amount_minor": 500, "reason": "wrong_amount"}]}
    )

    amount_minor: Annotated[int | None, Field(ge=1, le=MAX_MINOR, strict=True, examples=[500])] = None
    volume_ml: Annotated[
        int | None, Field(ge=1, le=MAX_VOLUME_ML, strict=True, description="Not received", examples=[1_000])
    ] = None
    whole: Annotated[
        bool, Field(description="All that is left of what was paid; of what coupons and points paid wholly, these")
    ] = False
    reason: RefundReason
    note: Annotated[
        str | None, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$", examples=["The pump stopped early"])
    ] = None

    @model_validator(mode="after")
    def _says_how_much_once(self) -> "NewRefund":
        if (self.amount_minor is not None) + (self.volume_ml is not None) + self.whole != 1:
            raise ValueError("send just one of amount_minor, volume_ml and whole: true")
        return self


class Refund(Shown):
    """A refund, as staff sees it."""

    refund_id: UUID
    order_id: UUID
    status: Annotated[RefundStatus, Field(description="requested: a second person must agree", examples=["pending"])]
    amount_minor: Amount
    currency: Annotated[str, Field(examples=["CNY"])]
    volume_ml: Annotated[int | None, Field(examples=[1_000])]
    method: Annotated[str, Field(examples=["wechat"])]
    reason: Annotated[str, Field(examples=["wrong_amount"])]
    note: Annotated[str | None, Field(examples=["The pump stopped early"])]
    requested_by: Annotated[str, Field(examples=["01930b5e-7c1a-7000-8000-2d3e4f5a6b7c"])]
    requested_at: Moment
    approved_by: Annotated[str | None, Field(examples=["01930b5e-7c1a-7000-8000-3e4f5a6b7c8d"])]
    approved_at: Moment | None
    settled_at: Moment | None
    error: Annotated[str | None, Field(description="Of a failed one: the provider's code", examples=["NOT_ENOUGH"])]


class Refunds(Shown):
    """All refunds of an order, the first first."""

    refunds: list[Refund]
