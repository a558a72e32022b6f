"""What a driver's order routes take and give."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from payments.domain.money import MAX_MINOR, MAX_VOLUME_ML
from payments.domain.order_words import Measure, Mode, Status
from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel, PriceMills, Version
from servicekit.http_models import Amount, Model, Shown

STATION = "01930b5e-7c1a-7000-8000-3f0e2a9b4c11"
PumpId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,16}$", description="As it stands on it", examples=["3"])]
Millilitres = Annotated[
    int, Field(ge=0, le=MAX_VOLUME_ML, strict=True, description="Millilitres; grams for CNG and hydrogen",
               examples=[30_000])
]  # fmt: skip
MinorUnits = Annotated[
    int, Field(ge=0, le=MAX_MINOR, strict=True, description="Minor units of the currency (fen, cents)",
               examples=[23_550])
]  # fmt: skip
Note = Annotated[
    str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00]*$", examples=["The display showed 28.40 litres"])
]

CouponId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


class NewOrder(Model):
    """What you want at a pump: an amount, a volume, or a full tank."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{
                "station_id": STATION, "pump_id": "3", "fuel": "e5", "mode": "post_pay", "fill_up": True,
            }]
        },
    )  # fmt: skip

    station_id: UUID
    pump_id: PumpId
    fuel: Fuel
    mode: Annotated[
        Mode,
        Field(
            description="post_pay: fuel, then pay. pre_auth: an amount is set aside, what was "
            "dispensed is taken of it. prepaid: pay an amount, then get fuel for it"
        ),
    ]
    amount_minor: Annotated[int | None, Field(ge=1, strict=True, examples=[20_000])] = None
    volume_ml: Annotated[int | None, Field(ge=1, strict=True, examples=[30_000])] = None
    fill_up: bool = False
    max_amount_minor: Annotated[
        int | None,
        Field(ge=1, strict=True, description="Of a full tank in mode pre_auth: what is held", examples=[50_000]),
    ] = None
    currency: Annotated[Currency | None, Field(description="Where given, it must be the station's")] = None
    expected_price_mills: Annotated[
        PriceMills | None, Field(description="The price you saw: another one by now is 409 price-changed")
    ] = None
    expected_price_version: Version | None = None
    vehicle_id: UUID | None = None
    odometer_km: Annotated[int | None, Field(ge=0, le=10_000_000, strict=True, examples=[48_200])] = None
    coupon_ids: Annotated[
        tuple[CouponId, ...], Field(max_length=10, description="To be used when you pay", examples=[[]])
    ] = ()
    points: Annotated[
        int, Field(ge=0, le=10**9, strict=True, description="The most to spend when you pay", examples=[0])
    ] = 0


class PricePart(Shown):
    """What is taken off, and why."""

    kind: Annotated[str, Field(examples=["coupon"])]
    reference: Annotated[str | None, Field(examples=["5-off-100"])] = None
    reason: Annotated[str, Field(examples=["Coupon: 5 off 100"])]
    amount_minor: Amount
    points: Annotated[int | None, Field(examples=[500])] = None


class Hold(Shown):
    """What was set aside before fuelling."""

    authorised_minor: Annotated[int, Field(examples=[30_000])]
    captured_minor: Annotated[int, Field(description="Taken, for what was dispensed", examples=[23_100])]
    released_minor: Annotated[int, Field(description="Yours again", examples=[6_900])]


class PumpState(StrEnum):
    """What a pump is to do."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    DONE = "done"


class Pump(Shown):
    """What the pump is to do where the money comes first."""

    state: PumpState
    max_minor: Annotated[int, Field(description="It gives fuel for at most so much", examples=[30_000])]
    max_ml: Annotated[int, Field(description="And not more than this", examples=[38_217])]


class OrderRefund(Shown):
    """What went back of an order, or is on its way."""

    refund_id: UUID
    amount_minor: Amount
    volume_ml: Annotated[int | None, Field(description="Fuel that was not received, where that is why")]
    method: Annotated[str, Field(examples=["wechat"])]
    reason: Annotated[str, Field(examples=["fuel_not_received"])]
    status: Annotated[str, Field(examples=["succeeded"])]
    requested_at: Moment
    settled_at: Moment | None


class AnyOrder(Shown):
    """What a driver and a station see of an order alike."""

    order_id: UUID
    version: Annotated[int, Field(description="Grows by one with each change", examples=[3])]
    status: Annotated[Status, Field(examples=["confirmed"])]
    mode: Mode
    station_id: UUID
    pump_id: Annotated[str, Field(examples=["3"])]
    fuel: Fuel
    measure: Annotated[Measure, Field(description="How the driver said how much")]
    requested_minor: Annotated[int | None, Field(description="Asked for, or the most it may cost", examples=[20_000])]
    requested_ml: Annotated[int | None, Field(examples=[30_000])]
    price_mills: Annotated[int, Field(description="Frozen when the order was placed", examples=[7_850])]
    price_version: Annotated[int, Field(examples=[42])]
    currency: Annotated[str, Field(examples=["CNY"])]
    volume_ml: Annotated[int | None, Field(description="What the pump gave", examples=[30_000])]
    gross_minor: Annotated[int | None, Field(description="At the pump price", examples=[23_550])]
    discount_minor: Annotated[int, Field(description="Coupons, points, campaigns", examples=[0])]
    breakdown: list[PricePart]
    payable_minor: Annotated[int | None, Field(description="What is to be paid in the end", examples=[23_550])]
    paid_minor: Annotated[int, Field(examples=[23_550])]
    refunded_minor: Annotated[int, Field(examples=[0])]
    method: Annotated[str | None, Field(description="wechat, alipay, fuel_card, none", examples=["wechat"])]
    reason: Annotated[str | None, Field(description="Of an adjustment, rejection, cancellation, dispute")]
    hold: Hold | None
    pump: Annotated[Pump | None, Field(description="Null where the fuel comes first")]
    next: Annotated[list[str], Field(description="What you may do now", examples=[["pay"]])]
    expires_at: Annotated[Moment | None, Field(description="Until when somebody must do something")]
    may_leave: Annotated[bool, Field(description="Paid, and the pump is done", examples=[False])]
    placed_at: Moment
    confirmed_at: Moment | None
    fuelling_since: Moment | None
    dispensed_at: Moment | None
    paid_at: Moment | None
    completed_at: Moment | None


class Order(AnyOrder):
    """Your order."""

    coupon_ids: Annotated[list[str], Field(examples=[[]])]
    points: Annotated[int, Field(examples=[0])]
    card_id: UUID | None
    vehicle_id: UUID | None
    odometer_km: Annotated[int | None, Field(examples=[48_200])]
    refunds: list[OrderRefund]


class OrderPage(Shown):
    """A page of orders, the newest first; `next_cursor` null on the last page."""

    orders: list[Order]
    next_cursor: str | None


class DisputeReason(StrEnum):
    """What a driver says is wrong."""

    WRONG_AMOUNT = "wrong_amount"
    FUEL_NOT_RECEIVED = "fuel_not_received"
    WRONG_FUEL = "wrong_fuel"
    BAD_QUALITY = "bad_quality"
    NOT_MINE = "not_mine"
    OTHER = "other"


class NewDispute(Model):
    """What is wrong with an order that was paid."""

    reason: DisputeReason
    text: Annotated[Note | None, Field(description="In your words; kept under your own key")] = None
