"""What the routes of coupon templates take and give."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from loyalty.http_models.coupons import CODE
from loyalty.http_models.terms import (
    Name,
    PercentageBenefit,
    PerFillBenefit,
    PerLitreBenefit,
    PriceLockBenefit,
    ScopeModel,
    StackingModel,
    Text,
)
from schemas.base import Moment
from schemas.vocabulary import Currency
from servicekit.http_models import Model, Operator, Shown

TEMPLATE = "01900000-0000-7000-8000-0000000009a1"
MOST_CODES = 10_000
MOST_COUPONS = 10**9

Coupons = Annotated[int, Field(ge=1, le=MOST_COUPONS, strict=True)]
Description = Annotated[Text, Field(examples=["For your next fill"])]


class AtCounterBenefit(Model):
    """What the crew gives for it; the name says what."""

    kind: Literal["at_counter"]


CouponBenefit = Annotated[
    PercentageBenefit | PerLitreBenefit | PerFillBenefit | PriceLockBenefit | AtCounterBenefit,
    Field(discriminator="kind", examples=[{"kind": "per_fill", "amount_minor": 2_000}]),
]


class NewTemplate(Model):
    """What coupons are of. Times are compared with the moment of the fill."""

    operator: Operator
    name: Name
    description: Description = ""
    benefit: CouponBenefit
    scope: ScopeModel = ScopeModel()
    stacking: Annotated[StackingModel, Field(examples=[{"group": "coupon", "priority": 100}])] = StackingModel(
        group="coupon"
    )
    currency: Annotated[Currency | None, Field(description="Of the amounts in it", examples=["CNY"])] = None
    valid_days: Annotated[
        int, Field(ge=1, le=3_650, strict=True, description="From when a driver gets one", examples=[30])
    ]
    ends_at: Annotated[
        AwareDatetime | None, Field(description="No coupon of it holds from then on", examples=[None])
    ] = None
    transferable: Annotated[bool, Field(description="Whether a driver may give one to another", examples=[True])] = (
        False
    )
    most_issued: Annotated[Coupons | None, Field(description="How many there are in all", examples=[10_000])] = None
    per_driver: Annotated[Coupons | None, Field(description="How many one driver may get", examples=[1])] = None


class TemplateChange(Model):
    """What to change; what you leave out stays."""

    name: Name = ""
    description: Description = ""
    most_issued: Annotated[Coupons | None, Field(description="More than before; null: no limit", examples=[20_000])] = (
        None
    )
    stopped: Annotated[
        bool, Field(description="true: nothing more is issued; what drivers have stays good", examples=[False])
    ] = False


class Template(Shown):
    """What coupons are of."""

    template_id: UUID
    version: int
    operator: str
    name: Annotated[str, Field(examples=["20 off 200"])]
    description: Annotated[str, Field(examples=["For your next fill"])]
    benefit: Annotated[dict[str, Any], Field(examples=[{"kind": "per_fill", "amount_minor": 2_000}])]
    scope: Annotated[dict[str, Any], Field(examples=[{"fuels": ["petrol_95"]}])]
    stacking: Annotated[dict[str, Any], Field(examples=[{"group": "coupon", "priority": 100}])]
    currency: str | None
    valid_days: Annotated[int, Field(examples=[30])]
    ends_at: Moment | None
    transferable: bool
    most_issued: Annotated[int | None, Field(examples=[10_000])]
    issued: Annotated[int, Field(description="So many were issued", examples=[420])]
    per_driver: Annotated[int | None, Field(examples=[1])]
    stopped_at: Moment | None
    created_at: Moment


class TemplateUse(Template):
    """What coupons are of, and what became of them."""

    coupons: Annotated[dict[str, int], Field(description="How many are active, reserved, redeemed, expired, cancelled")]
    taken_off_minor: Annotated[int, Field(description="What all that were used took off", examples=[240_000])]


class TemplatePage(Shown):
    """A page of templates, the newest first."""

    coupon_templates: list[Template]
    next_cursor: str | None


class NewCodes(Model):
    """Codes to print."""

    count: Annotated[int, Field(ge=1, le=MOST_CODES, strict=True, examples=[3])]
    expires_at: Annotated[
        AwareDatetime, Field(description="Until when they can be claimed", examples=["2029-12-31T00:00:00Z"])
    ]


class PrintedCodes(Shown):
    """Codes, each good for one coupon: they are shown now, and never again."""

    template_id: UUID
    expires_at: Moment
    codes: Annotated[list[str], Field(examples=[[CODE]])]
