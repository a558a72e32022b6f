"""Golden examples of loyalty's events; `schemas.examples` has those of the others."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.base import Event
from schemas.loyalty import (
    CouponExpiredV1,
    CouponIssuedV1,
    CouponRedeemedV1,
    PointsAccruedV1,
    PointsExpiredV1,
    PointsExpiringV1,
    PointsRedeemedV1,
    PointsReversedV1,
    TierChangedV1,
)

_AT = datetime(2026, 4, 30, 10, 0, tzinfo=UTC)
_EXPIRES_AT = datetime(2028, 5, 1, tzinfo=UTC)
_STATION = UUID("0199a000-0000-7000-8000-000000000001")
_CAMPAIGN = UUID("0199a000-0000-7000-8000-000000000003")
_ORDER = UUID("0199a000-0000-7000-8000-000000000007")
_GIFT_ORDER = UUID("0199a000-0000-7000-8000-00000000000f")
_DRIVER: dict[str, Any] = {"driver_id": "0199a000-0000-7000-8000-000000000004", "occurred_at": _AT}
_ENTRY: dict[str, Any] = _DRIVER | {"entry_id": UUID("0199a000-0000-7000-8000-000000000010")}
_COUPON: dict[str, Any] = _DRIVER | {
    "coupon_id": UUID("0199a000-0000-7000-8000-00000000000d"), "operator": "example-fuel",
    "template_id": UUID("0199a000-0000-7000-8000-00000000000e"),
}  # fmt: skip

EXAMPLES: tuple[tuple[Event, Event], ...] = (
    (
        PointsAccruedV1(
            **_ENTRY, version=2, points=314, balance=434, reason="order", expires_at=_EXPIRES_AT, order_id=_ORDER,
            station_id=_STATION, operator="example-fuel", tier="silver", campaign_ids=[_CAMPAIGN],
        ),
        PointsAccruedV1(**_ENTRY, version=1, points=120, balance=120, reason="reward", expires_at=_EXPIRES_AT),
    ),
    (
        PointsRedeemedV1(
            **_ENTRY, version=3, points=400, balance=34, reason="order", order_id=_ORDER, gift_order_id=_GIFT_ORDER,
            amount_minor=400, currency="CNY",
        ),
        PointsRedeemedV1(**_ENTRY, version=3, points=400, balance=34, reason="order"),
    ),
    (
        PointsReversedV1(**_ENTRY, version=4, points=157, balance=-123, order_id=_ORDER),
        PointsReversedV1(**_ENTRY, version=4, points=314, balance=0, order_id=_ORDER),
    ),
    (
        PointsExpiredV1(**_ENTRY, version=5, points=34, balance=0),
        PointsExpiredV1(**_ENTRY, version=6, points=1, balance=99),
    ),
    (
        PointsExpiringV1(**_DRIVER, points=34, expires_at=_EXPIRES_AT),
        PointsExpiringV1(**_DRIVER, points=1, expires_at=_EXPIRES_AT),
    ),
    (
        TierChangedV1(**_DRIVER, tier="gold", previous_tier="silver", volume_ml=1_500_000),
        TierChangedV1(**_DRIVER, tier="member", previous_tier="silver", volume_ml=0),
    ),
    (
        CouponIssuedV1(**_COUPON, version=1, reason="first_fill", campaign_id=_CAMPAIGN, expires_at=_EXPIRES_AT),
        CouponIssuedV1(**_COUPON, version=2, reason="transfer", expires_at=_EXPIRES_AT),
    ),
    (
        CouponRedeemedV1(
            **_COUPON, version=3, order_id=_ORDER, station_id=_STATION, amount_minor=2_000, currency="CNY"
        ),
        CouponRedeemedV1(**_COUPON, version=3, station_id=_STATION, amount_minor=0, currency="CNY"),
    ),
    (CouponExpiredV1(**_COUPON, version=4), CouponExpiredV1(**_COUPON, version=2)),
)  # fmt: skip
