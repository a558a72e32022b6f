"""What a campaign or a coupon gives, to whom, where and when, as staff send it; see `domain/terms.py`."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import Field, StringConstraints

from loyalty.domain.terms import MOST_BASIS_POINTS, Benefit, Scope, Stacking, Trigger
from schemas.vocabulary import Fuel, PriceMills
from servicekit.http_models import Line, Model

MOST_STATIONS = 1_000
MOST_MINOR = 10**12
STATION = "01900000-0000-7000-8000-000000000001"
TEMPLATE = "01900000-0000-7000-8000-0000000009a1"

Money = Annotated[int, Field(ge=1, le=MOST_MINOR, strict=True, description="Minor units of the currency (fen, cents)")]
Count = Annotated[int, Field(ge=1, le=3_650, strict=True)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="By the station's own clock")]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=1_000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")
]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class PercentageBenefit(Model):
    """A share of what is left to pay, at most so much."""

    kind: Literal["percentage"]
    basis_points: Annotated[int, Field(ge=1, le=MOST_BASIS_POINTS, strict=True, description="250 are 2.5 %")]
    most_minor: Money | None = None


class PerLitreBenefit(Model):
    """So much less for each litre."""

    kind: Literal["per_litre"]
    mills: PriceMills


class PerFillBenefit(Model):
    """So much less for a whole fill."""

    kind: Literal["per_fill"]
    amount_minor: Money


class PriceLockBenefit(Model):
    """A litre costs at most so much, whatever the pump says."""

    kind: Literal["price_lock"]
    price_mills: PriceMills


class PointsMultiplierBenefit(Model):
    """So many times the points."""

    kind: Literal["points_multiplier"]
    basis_points: Annotated[int, Field(gt=MOST_BASIS_POINTS, le=100_000, strict=True, description="20000 double them")]


class CouponBenefit(Model):
    """A coupon, when something happens."""

    kind: Literal["coupon"]
    template_id: UUID
    trigger: Trigger
    count: Annotated[
        Count | None,
        Field(description="Of nth_fill: each how many-th; of come_back: after how many days without a fill"),
    ] = None


class GiftBenefit(Model):
    """A gift of the catalogue, free, when something happens."""

    kind: Literal["gift"]
    gift_id: UUID
    trigger: Trigger
    count: Annotated[Count | None, Field(description="As of a coupon")] = None


class StampCardBenefit(Model):
    """A stamp for each fill in scope; a full card is a coupon."""

    kind: Literal["stamp_card"]
    stamps: Annotated[int, Field(ge=2, le=100, strict=True)]
    template_id: UUID


DiscountModel = Annotated[
    PercentageBenefit | PerLitreBenefit | PerFillBenefit | PriceLockBenefit, Field(discriminator="kind")
]
BenefitModel = Annotated[
    PercentageBenefit | PerLitreBenefit | PerFillBenefit | PriceLockBenefit | PointsMultiplierBenefit | CouponBenefit
    | GiftBenefit | StampCardBenefit,
    Field(discriminator="kind", examples=[{"kind": "percentage", "basis_points": 500, "most_minor": None}]),
]  # fmt: skip


class HoursModel(Model):
    """When in the week; `until_time` not after `from_time`: over midnight."""

    weekdays: Annotated[
        list[Annotated[int, Field(ge=1, le=7, strict=True)]],
        Field(min_length=1, max_length=7, description="Those on which it begins; ISO: Monday is 1", examples=[[6, 7]]),
    ]
    from_time: Clock = "00:00"
    until_time: Clock = "00:00"


class ScopeModel(Model):
    """Where it holds, for whom and when; null: everywhere, for everybody, always."""

    station_ids: Annotated[list[UUID] | None, Field(min_length=1, max_length=MOST_STATIONS, examples=[[STATION]])] = (
        None
    )
    fuels: Annotated[list[Fuel] | None, Field(min_length=1, examples=[["e5", "petrol_95"]])] = None
    tiers: Annotated[list[Word] | None, Field(min_length=1, max_length=10, examples=[["gold"]])] = None
    methods: Annotated[list[Literal["wechat", "alipay", "fuel_card"]] | None, Field(min_length=1)] = None
    hours: Annotated[list[HoursModel] | None, Field(min_length=1, max_length=21)] = None
    minimum_volume_ml: Annotated[int | None, Field(ge=1, le=10_000_000, strict=True)] = None
    minimum_minor: Annotated[Money | None, Field(description="Of the amount at the pump price, before discounts")] = (
        None
    )


class StackingModel(Model):
    """What may be combined: of one group at most one holds, the best; one without a group holds alone."""

    group: Annotated[Word | None, Field(examples=["campaign"])] = "campaign"
    priority: Annotated[int, Field(ge=0, le=1_000, strict=True, description="Lower ones are taken off first")] = 100


Name = Annotated[Line, Field(description="For people", examples=["Weekend 5 % off"])]


def benefit_from(model: Model) -> Benefit:
    """The benefit that a model says."""
    return msgspec.convert(model.model_dump(mode="json"), Benefit)


def scope_from(model: ScopeModel) -> Scope:
    """The scope that a model says, without what is said twice."""
    return msgspec.convert({name: _once(value) for name, value in model.model_dump(mode="json").items()}, Scope)


def stacking_from(model: StackingModel) -> Stacking:
    """The stacking that a model says."""
    return msgspec.convert(model.model_dump(), Stacking)


def _once(value: Any) -> Any:
    """A list's items in their order, each once."""
    if not isinstance(value, list):
        return value
    return [one for place, one in enumerate(value) if one not in value[:place]]
