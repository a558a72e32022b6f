"""What the route of quotes takes and gives."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from loyalty.domain.amounts import MAX_MINOR, MAX_VOLUME_ML
from loyalty.http_models.terms import STATION
from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel
from servicekit.http_models import Amount, Model, Shown

COUPON = "01900000-0000-7000-8000-0000000009b1"


class QuoteWish(Model):
    """What you think of buying: an amount or a volume, just one of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"station_id": STATION, "fuel": "e5", "volume_ml": 30_000}]},
    )  # fmt: skip

    station_id: Annotated[UUID, Field(examples=[STATION])]
    fuel: Annotated[Fuel, Field(examples=["e5"])]
    amount_minor: Annotated[
        int | None, Field(ge=1, le=MAX_MINOR, strict=True, description="Minor units of the station's currency")
    ] = None
    volume_ml: Annotated[
        int | None, Field(ge=1, le=MAX_VOLUME_ML, strict=True, description="Millilitres; grams for CNG and hydrogen")
    ] = None
    method: Annotated[
        Literal["wechat", "alipay", "fuel_card"] | None,
        Field(description="How you would pay; left out: what hangs on it is not in the price, but in `methods`"),
    ] = None
    coupon_ids: Annotated[
        tuple[UUID, ...] | None,
        Field(max_length=10, description="Yours to use; [] none; null: the best of those you have", examples=[None]),
    ] = None
    points: Annotated[
        Annotated[int, Field(ge=0, le=10**9, strict=True)] | Literal["most"],
        Field(description="The most to spend; `most`: as many as you have", examples=[0]),
    ] = 0

    @model_validator(mode="after")
    def _says_how_much(self) -> "QuoteWish":
        if (self.amount_minor is None) == (self.volume_ml is None):
            raise ValueError("send just one of amount_minor and volume_ml")
        return self

    def fields(self) -> dict[str, Any]:
        """The fields, as they are."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class QuotedPart(Shown):
    """What is taken off, and why."""

    kind: Annotated[str, Field(description="campaign, card_discount, coupon, points ...", examples=["coupon"])]
    reference: Annotated[str | None, Field(description="The campaign's or coupon's id", examples=[COUPON])]
    reason: Annotated[str, Field(examples=["Coupon: 20 off 200"])]
    amount_minor: Amount
    points: Annotated[int | None, Field(description="Points spent, of kind `points`", examples=[None])]


class BestCoupon(Shown):
    """The coupon in the price that takes off the most, and why it is worth using."""

    coupon_id: Annotated[UUID, Field(examples=[COUPON])]
    amount_minor: Amount
    reason: Annotated[str, Field(examples=["It takes off 20.00 CNY; without a coupon you would pay 15.00 CNY more."])]


class ByMethod(Shown):
    """What it costs by a way of paying."""

    method: Annotated[str, Field(examples=["fuel_card"])]
    paid_minor: Amount
    less_minor: Annotated[int, Field(description="Less than `paid_minor` above; below zero: more", examples=[320])]
    points: Annotated[int, Field(description="That it earns", examples=[235])]


class QuotedPoints(Shown):
    """Points that are spent and earned."""

    available: Annotated[int, Field(description="That you may spend now", examples=[500])]
    per_minor: Annotated[
        int | None, Field(description="How many take off one minor unit; null: none can be spent here", examples=[1])
    ]
    spent: Annotated[int, Field(examples=[0])]
    earned: Annotated[int, Field(description="Once it is paid", examples=[235])]
    tier: Annotated[str, Field(examples=["member"])]
    tier_basis_points: Annotated[
        int, Field(description="The tier's factor; 12500 are a quarter more", examples=[10_000])
    ]
    multiplier_basis_points: Annotated[
        int, Field(description="A campaign's factor; 20000 double them", examples=[10_000])
    ]
    multiplied_by: Annotated[list[UUID], Field(description="That campaign", examples=[[]])]


class Unused(Shown):
    """A coupon, a campaign, or a wish for points that is not in the price, and why."""

    kind: Annotated[str, Field(description="coupon, campaign, card_discount or points", examples=["coupon"])]
    what: Annotated[str, Field(description="Its id, or `points`", examples=[COUPON])]
    name: str | None
    reason: Annotated[str, Field(description="A word; expect new ones", examples=["minimum_amount"])]
    detail: Annotated[str, Field(description="For people", examples=["This coupon is for 200.00 CNY or more."])]


class Quote(Shown):
    """What a fill would cost you now, part by part. Nothing is set aside."""

    station_id: UUID
    operator: str
    fuel: Fuel
    currency: Currency
    method: Annotated[str | None, Field(description="As you said", examples=["wechat"])]
    price_mills: Annotated[int, Field(description="Of a litre at the pump, in thousandths", examples=[7_850])]
    price_version: Annotated[
        int, Field(description="Send it with the order, to be told where it has changed", examples=[7])
    ]
    price_effective_at: Moment
    price_age_seconds: Annotated[int, Field(description="Since when the price holds", examples=[240])]
    volume_ml: int
    gross_minor: Annotated[Amount, Field(description="At the pump price")]
    breakdown: Annotated[list[QuotedPart], Field(description="What is taken off, in this order")]
    discount_minor: Annotated[Amount, Field(description="All of the breakdown")]
    card_discount_minor: Annotated[Amount, Field(description="Of it what holds for fuel cards only")]
    paid_minor: Amount
    best_coupon: BestCoupon | None
    points: QuotedPoints
    methods: Annotated[list[ByMethod], Field(description="The same fill by each way of paying")]
    unused: list[Unused]
    quoted_at: Moment
    valid_until: Annotated[Moment, Field(description="As far as is known now; a price may change before")]
