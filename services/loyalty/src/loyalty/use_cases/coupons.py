"""Coupons of drivers: how they come to them."""

from datetime import datetime
from uuid import UUID

from loyalty.domain.coupons import Coupon, CouponStatus
from loyalty.repository import coupon_templates, members
from loyalty.repository import coupons as repository
from loyalty.use_cases.context import Loyalty
from servicekit.ids import new_id
from servicekit.postgres import Connection


async def issue(
    _: Loyalty, tx: Connection, template_id: UUID, driver_id: str, *, reason: str, key: str, at: datetime,
    campaign_id: UUID | None = None,
) -> UUID | None:  # fmt: skip
    """A new coupon, or the one that was issued under the key before; the caller has the person's turn.

    None where nothing is issued of the template any more, all are taken, or the driver had as many as one may.
    """
    await members.lock(tx, driver_id)
    if known := await repository.of_key(tx, key):
        return known
    template = await coupon_templates.take_one(tx, template_id, driver_id, at)
    if template is None:
        return None
    coupon = Coupon(
        new_id(), 1, template_id, driver_id, driver_id, CouponStatus.ACTIVE, reason, campaign_id, at, None,
        template.expiry(at), None, None, None, None, None,
    )  # fmt: skip
    await repository.insert(tx, template, coupon, key)
    return coupon.coupon_id
