"""Events about points, tiers and coupons, by ids alone; `schemas.events` has them too."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Event, Moment
from schemas.orders import Minor, Word
from schemas.vocabulary import Currency, Version

Points = Annotated[int, Field(ge=1, strict=True)]


class _PointsEvent(Event):
    """Something about a driver's points. `version` counts the changes of the account, `balance` is what it held then.

    `entry_id` is the entry in the ledger of points: the same one is never told with other words.
    """

    service = "loyalty"
    key_field = "driver_id"

    driver_id: Annotated[str, Field(max_length=64)]
    version: Version
    entry_id: UUID
    points: Points
    balance: Annotated[int, Field(strict=True, description="Below zero: points that were reversed after being spent")]
    occurred_at: Moment


class PointsAccruedV1(_PointsEvent):
    """A driver got points: for a paid order, or as a reward."""

    reason: Annotated[Word, Field(description="order, reward, given_back ...", examples=["order"])]
    expires_at: Moment
    order_id: UUID | None = None
    station_id: UUID | None = None
    operator: Annotated[str | None, Field(max_length=64)] = None
    tier: Annotated[Word | None, Field(description="The driver's when the order was paid")] = None
    campaign_ids: Annotated[list[UUID] | None, Field(description="Campaigns that multiplied them")] = None


class PointsRedeemedV1(_PointsEvent):
    """Points were spent: on an order, or on a gift."""

    reason: Annotated[Word, Field(description="order or gift", examples=["order"])]
    order_id: UUID | None = None
    gift_order_id: UUID | None = None
    amount_minor: Annotated[Minor | None, Field(description="What they took off an order")] = None
    currency: Currency | None = None


class PointsReversedV1(_PointsEvent):
    """Points of an order were taken back, since it was refunded."""

    order_id: UUID


class PointsExpiredV1(_PointsEvent):
    """Points were not spent in time."""


class PointsExpiringV1(Event):
    """A warning before: some of a driver's points expire soon."""

    service = "loyalty"
    key_field = "driver_id"

    driver_id: Annotated[str, Field(max_length=64)]
    points: Points
    expires_at: Moment
    occurred_at: Moment


class TierChangedV1(Event):
    """A driver's tier is another one from now on; what was earned before stays as it was."""

    service = "loyalty"
    key_field = "driver_id"

    driver_id: Annotated[str, Field(max_length=64)]
    tier: Word
    previous_tier: Word
    volume_ml: Annotated[int, Field(ge=0, strict=True, description="Of the twelve months that decide")]
    occurred_at: Moment


class _CouponEvent(Event):
    """Something about a coupon; its code is in no event."""

    service = "loyalty"
    key_field = "coupon_id"

    coupon_id: UUID
    version: Version
    driver_id: Annotated[str, Field(max_length=64)]
    template_id: Annotated[UUID, Field(description="What it is a coupon of")]
    operator: Annotated[str, Field(max_length=64)]
    occurred_at: Moment


class CouponIssuedV1(_CouponEvent):
    """A driver has a coupon."""

    reason: Annotated[Word, Field(description="claim, code, first_fill, birthday, transfer ...", examples=["claim"])]
    campaign_id: UUID | None = None
    expires_at: Moment


class CouponRedeemedV1(_CouponEvent):
    """A coupon was used: on an order, or at the counter of a station."""

    order_id: UUID | None = None
    station_id: UUID
    amount_minor: Annotated[Minor, Field(description="What it took off; 0 where the station gave something else")]
    currency: Currency


class CouponExpiredV1(_CouponEvent):
    """A coupon was not used in time."""
