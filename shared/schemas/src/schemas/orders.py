"""Events about refuelling orders and fuel cards, by ids alone; `schemas.events` has them too."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Event, Moment
from schemas.vocabulary import Currency, Fuel, PriceMills, Version

Minor = Annotated[int, Field(ge=0, strict=True, description="Minor units of the currency")]
Millilitres = Annotated[int, Field(ge=0, strict=True, description="Millilitres; grams for CNG and hydrogen")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]
"""A word of ours; expect new ones."""


class _OrderEvent(Event):
    """Something about an order. Its price was frozen when it was placed; each change has the next version."""

    service = "payments"
    key_field = "order_id"

    order_id: UUID
    version: Version
    driver_id: Annotated[str, Field(max_length=64)]
    station_id: UUID
    operator: Annotated[str, Field(max_length=64)]
    pump_id: Annotated[str, Field(max_length=16)]
    fuel: Fuel
    mode: Annotated[str, Field(description="post_pay, pre_auth or prepaid", examples=["post_pay"])]
    price_mills: PriceMills
    currency: Currency
    occurred_at: Moment


class OrderPlacedV1(_OrderEvent):
    """A driver is at a pump and wants fuel. `price_version` is that of the PriceChanged whose price holds."""

    price_version: Version
    measure: Annotated[str, Field(description="How the driver said how much: amount, volume or fill_up")]
    requested_minor: Minor | None = None
    requested_ml: Millilitres | None = None


class OrderConfirmedV1(_OrderEvent):
    """The station said what was dispensed, or the driver accepted another amount, or the station agreed to fuel."""

    volume_ml: Millilitres | None = None
    gross_minor: Annotated[Minor | None, Field(description="At the pump price, before discounts")] = None


class OrderAdjustedV1(_OrderEvent):
    """The station corrected what was dispensed; the driver is to accept it."""

    volume_ml: Millilitres
    gross_minor: Minor
    previous_gross_minor: Minor | None = None
    reason: Word


class OrderAuthorisedV1(_OrderEvent):
    """The money is held or charged ahead: the pump may unlock for at most this much."""

    method: Word
    authorised_minor: Minor


class PricePart(Event):
    """One part of a price breakdown: what is taken off, and why."""

    kind: Annotated[Word, Field(description="coupon, points, campaign, card_discount ...")]
    reference: Annotated[str | None, Field(max_length=64, description="Id of the coupon, campaign ...")] = None
    reason: Annotated[str, Field(max_length=200, description="For people", examples=["Coupon: 5 off 100"])]
    amount_minor: Minor
    points: Annotated[int | None, Field(ge=1, strict=True, description="Points spent, of kind `points`")] = None


class OrderPaidV1(_OrderEvent):
    """The money is there. gross - the parts of the breakdown = paid."""

    volume_ml: Millilitres
    gross_minor: Minor
    breakdown: list[PricePart]
    paid_minor: Minor
    method: Annotated[Word, Field(description="wechat, alipay or fuel_card; `none` where nothing was left to pay")]
    card_id: UUID | None = None
    reservation_id: Annotated[UUID | None, Field(description="At loyalty: coupons and points are spent now")] = None
    vehicle_id: UUID | None = None
    odometer_km: Annotated[int | None, Field(ge=0, strict=True)] = None


class OrderCompletedV1(_OrderEvent):
    """The driver may leave: paid and dispensed."""

    volume_ml: Millilitres | None = None
    paid_minor: Minor
    used_minor: Annotated[
        Minor | None, Field(description="What the fuel took of it; the rest of an order paid before fuelling goes back")
    ] = None
    method: Word | None = None
    card_id: UUID | None = None


class OrderRefundedV1(_OrderEvent):
    """A refund reached the driver. `refunded_minor` is all that was refunded of the order so far, this one included."""

    refund_id: UUID
    amount_minor: Minor
    refunded_minor: Minor
    paid_minor: Minor
    volume_ml: Annotated[Millilitres | None, Field(description="Fuel that was not received, where that is why")] = None
    method: Word
    reason: Word
    unused: Annotated[
        bool | None,
        Field(strict=True, description="Whether it was paid before fuelling and no fuel took it; null: nobody says"),
    ] = None


class OrderCancelledV1(_OrderEvent):
    """Nothing will be paid: cancelled by the driver, rejected by the station, or expired."""

    how: Annotated[str, Field(description="cancelled, rejected or expired")]
    reason: Word
    reservation_id: Annotated[UUID | None, Field(description="At loyalty: coupons and points are free again")] = None


class _CardEvent(Event):
    """Something about a fuel card; its number is in no event."""

    service = "payments"
    key_field = "card_id"

    card_id: UUID
    version: Version
    driver_id: Annotated[str, Field(max_length=64)]
    currency: Currency
    occurred_at: Moment


class CardBoundV1(_CardEvent):
    """A driver has a fuel card: a virtual one was opened, or a physical one bound."""

    kind: Annotated[Literal["virtual", "physical"], Field()]
    company_id: Annotated[UUID | None, Field(description="Whose account it draws on; null: the driver's own")] = None


class CardUnboundV1(_CardEvent):
    """The driver no longer has it; what was left on it went back."""

    refunded_minor: Minor


class CardRechargedV1(_CardEvent):
    """Money was put on a card's account. No points are earned for it."""

    recharge_id: UUID
    amount_minor: Minor
    balance_minor: Minor
    method: Word
