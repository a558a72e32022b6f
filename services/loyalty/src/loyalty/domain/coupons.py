"""A coupon: whose it is, how long, what became of it, and what is told of it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from loyalty.domain.terms import Benefit, Offer, Scope, Stacking
from schemas.loyalty import CouponExpiredV1, CouponIssuedV1, CouponRedeemedV1

TRANSFER = "transfer"
"""The reason of a coupon that another driver gave away."""
GIVEN_BACK = "given_back"
"""The reason of one whose order was refunded: it is told again."""


class CouponStatus(StrEnum):
    """What became of a coupon. Reserved ones are active again when the reservation ends; the last three are ends."""

    ACTIVE = "active"
    RESERVED = "reserved"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Template:
    """What coupons are of."""

    template_id: UUID
    version: int
    operator: str
    name: str
    description: str
    benefit: Benefit
    scope: Scope
    stacking: Stacking
    currency: str | None
    valid_days: int
    ends_at: datetime | None
    transferable: bool
    most_issued: int | None
    issued: int
    per_driver: int | None
    stopped_at: datetime | None
    created_by: str
    created_at: datetime

    def expiry(self, issued_at: datetime) -> datetime:
        """Until when a coupon that is issued now is good."""
        expires_at = issued_at + timedelta(days=self.valid_days)
        return min(expires_at, self.ends_at) if self.ends_at else expires_at


@dataclass(frozen=True, slots=True)
class Coupon:
    """One coupon of a driver. `version` grows with each change."""

    coupon_id: UUID
    version: int
    template_id: UUID
    driver_id: str
    issued_to: str
    status: CouponStatus
    reason: str
    campaign_id: UUID | None
    issued_at: datetime
    given_at: datetime | None
    expires_at: datetime
    reserved_by: UUID | None
    order_id: UUID | None
    station_id: UUID | None
    redeemed_at: datetime | None
    amount_minor: int | None

    def status_at(self, at: datetime) -> CouponStatus:
        """What it is then: its time may be over before anybody has written that down."""
        is_over = self.status is CouponStatus.ACTIVE and self.expires_at <= at
        return CouponStatus.EXPIRED if is_over else self.status

    def offer(self, template: Template) -> Offer:
        """How it takes part in a price."""
        return Offer(
            str(self.coupon_id), "coupon", template.name, template.operator, template.benefit, template.scope,
            template.stacking, template.currency, self.issued_at, self.expires_at,
        )  # fmt: skip


def issued(coupon: Coupon, operator: str, at: datetime) -> CouponIssuedV1:
    """That a driver has it now; one that was given away is told again, of the other driver."""
    return CouponIssuedV1(
        **_facts(coupon, operator, at), reason=coupon.reason, campaign_id=coupon.campaign_id,
        expires_at=coupon.expires_at,
    )  # fmt: skip


def redeemed(coupon: Coupon, operator: str, currency: str, at: datetime) -> CouponRedeemedV1:
    """That it was used, on an order or at a counter."""
    assert coupon.station_id is not None  # noqa: S101 - a redeemed one has a station
    return CouponRedeemedV1(
        **_facts(coupon, operator, at), order_id=coupon.order_id, station_id=coupon.station_id,
        amount_minor=coupon.amount_minor or 0, currency=currency,
    )  # fmt: skip


def expired(coupon: Coupon, operator: str, at: datetime) -> CouponExpiredV1:
    """That it was not used in time."""
    return CouponExpiredV1(**_facts(coupon, operator, at))


def _facts(coupon: Coupon, operator: str, at: datetime) -> dict[str, Any]:
    return {
        "coupon_id": coupon.coupon_id, "version": coupon.version, "driver_id": coupon.driver_id,
        "template_id": coupon.template_id, "operator": operator, "occurred_at": at,
    }  # fmt: skip
