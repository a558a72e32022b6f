"""What the routes of coupons, their codes and claims take and give."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from loyalty.domain.coupons import CouponStatus
from loyalty.http_models.terms import STATION
from schemas.base import Moment
from schemas.vocabulary import Fuel
from servicekit.http_models import Model, Shown

COUPON = "01900000-0000-7000-8000-0000000009c1"
CODE = "ABCD-EFGH-JKLM"

Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=12, max_length=40, pattern=r"^[\w\s·•.-]+$"),
    Field(description="As it is shown or printed; gaps and lower case do not matter", examples=[CODE]),
]

Words = Annotated[
    dict[str, str],
    Field(description="The same in our languages", examples=[{"en": "20.00 CNY off", "zh": "立减 20.00 CNY"}]),
]


class Sale(Model):
    """What was sold, at the pump price."""

    fuel: Annotated[Fuel, Field(examples=["petrol_95"])]
    volume_ml: Annotated[int, Field(ge=1, le=5_000_000, strict=True, examples=[30_000])]
    amount_minor: Annotated[int, Field(ge=1, le=10**10, strict=True, examples=[23_550])]


class CounterUse(Model):
    """Where a coupon is taken, and for what."""

    station_id: Annotated[UUID, Field(examples=[STATION])]
    sale: Annotated[Sale | None, Field(description="Needed where the coupon takes something off")] = None


class CodeClaim(Model):
    """A printed code, or one that a friend gave you."""

    code: Code


class ShownCode(Shown):
    """A code: it is shown now, and never again."""

    code: Annotated[str, Field(examples=[CODE])]
    expires_at: Moment


class Coupon(Shown):
    """One of your coupons."""

    coupon_id: UUID
    version: int
    status: Annotated[CouponStatus, Field(examples=["active"])]
    name: Annotated[str, Field(examples=["20 off 200"])]
    description: Annotated[str, Field(examples=["For your next fill"])]
    operator: Annotated[str, Field(description="At whose stations it holds", examples=["demo-oil"])]
    gives: Words
    conditions: Annotated[list[Words], Field(description="None: it holds always", examples=[[]])]
    how_to_use: Words
    benefit: Annotated[
        dict[str, Any],
        Field(
            title="What it gives", description="For programs", examples=[{"kind": "per_fill", "amount_minor": 2_000}]
        ),
    ]
    scope: Annotated[dict[str, Any], Field(description="For programs; null: no limit", examples=[{"fuels": None}])]
    currency: Annotated[str | None, Field(examples=["CNY"])]
    reason: Annotated[str, Field(description="Why you have it", examples=["claim"])]
    campaign_id: UUID | None
    issued_at: Moment
    expires_at: Annotated[Moment, Field(description="The first moment at which it holds no more")]
    may_be_given: Annotated[bool, Field(description="Whether you may give it to another driver")]
    offered_until: Annotated[Moment | None, Field(description="Until then somebody may claim it by your code")]
    order_id: UUID | None
    station_id: UUID | None
    redeemed_at: Moment | None
    amount_minor: Annotated[int | None, Field(description="What it took off", examples=[None])]


class CouponPage(Shown):
    """A page of your coupons, the newest first."""

    coupons: list[Coupon]
    next_cursor: str | None


class Claimed(Shown):
    """What you got: one of the two."""

    coupon_id: UUID | None
    gift_order_id: UUID | None


class Redeemed(Shown):
    """A coupon that was used now: take off the amount, or give what its name says."""

    coupon_id: UUID
    name: Annotated[str, Field(examples=["20 off 200"])]
    description: Annotated[str, Field(examples=["For your next fill"])]
    gives: Words
    amount_minor: Annotated[int, Field(description="Take so much off; 0: hand over what it is for", examples=[2_000])]
    currency: Annotated[str, Field(examples=["CNY"])]
    redeemed_at: Moment | None
