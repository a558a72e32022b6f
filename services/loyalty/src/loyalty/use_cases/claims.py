"""Drivers claim what they are offered: by a printed code, by a friend's code, or from a campaign."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from loyalty.domain.terms import Campaign, CouponReward, GiftReward, Status, Trigger
from loyalty.repository import campaign_use, campaigns, coupon_templates, members
from loyalty.repository import codes as codes_repository
from loyalty.repository import coupons as repository
from loyalty.repository.codes import Code
from loyalty.use_cases import codes, coupons, gift_orders
from loyalty.use_cases.codes import CodeNotGood
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.coupon_templates import PRINTED
from servicekit.erasures import require_present
from servicekit.postgres import Connection
from servicekit.problems import Problem

CLAIM = "claim"
OUT = frozenset({Status.SCHEDULED, Status.LIVE})
SEEN = OUT | {Status.PAUSED, Status.ENDED}
"""Of others drivers do not know that there are any."""


async def claim_code(loyalty: Loyalty, tx: Connection, driver_id: str, code: str) -> UUID:
    """The coupon that the code is good for is the driver's; call it inside `codes.trying`.

    Raises CodeNotGood, Problem 409, 429.
    """
    at = datetime.now(UTC)
    found = await codes.find(loyalty, tx, [PRINTED, coupons.GIVEN], code, caller=driver_id, at=at)
    if found.purpose == PRINTED:
        return await _claim_printed(loyalty, tx, driver_id, found, at)
    return await _take_over(tx, driver_id, found, at)


async def claim_reward(loyalty: Loyalty, tx: Connection, driver_id: str, campaign_id: UUID) -> dict[str, UUID | None]:
    """What a campaign gives to whoever claims it, as `coupon_id` or `gift_order_id`. Raises Problem 401, 404, 409.

    Where the campaign does not say how often, a driver may claim once.
    """
    at = datetime.now(UTC)
    await require_present(loyalty.erasures, tx, driver_id)
    await members.lock(tx, driver_id)
    row = await campaigns.find(tx, campaign_id)
    campaign = campaigns.campaign_of(row) if row else None
    if campaign is None or campaign.status not in SEEN:
        raise Problem(404, "no-such-campaign", "There is no such campaign; GET /v1/campaigns lists those that hold.")
    claimed = await campaign_use.uses_of(tx, campaign_id, driver_id)
    await _require_claimable(tx, campaign, driver_id, claimed, at)
    got = await _give(loyalty, tx, campaign, driver_id, f"{CLAIM}|{campaign_id}|{driver_id}|{claimed + 1}", at)
    if not await campaign_use.take(tx, campaign_id, driver_id, at=at):
        raise _refused("used_up", "All that the campaign gives is taken.")
    return got


async def _claim_printed(loyalty: Loyalty, tx: Connection, driver_id: str, code: Code, at: datetime) -> UUID:
    await members.lock(tx, driver_id)
    await codes.spend(tx, code, at)
    template_id = UUID(code.subject)
    coupon_id = await coupons.issue(
        loyalty, tx, template_id, driver_id, reason="code", key=f"code|{code.code_id}", at=at
    )  # fmt: skip
    if coupon_id is None:
        raise await _not_issued(tx, template_id, at)
    return coupon_id


async def _take_over(tx: Connection, driver_id: str, code: Code, at: datetime) -> UUID:
    coupon = await repository.find(tx, UUID(code.subject))
    if coupon is None:
        raise CodeNotGood
    if coupon.driver_id == driver_id:
        raise _refused("own", "This is a coupon of your own; give the code to somebody else.")
    await members.lock(tx, coupon.driver_id, driver_id)
    template = await coupon_templates.find(tx, coupon.template_id)
    assert template is not None  # noqa: S101 - its foreign key says so
    if (
        template.per_driver is not None
        and await repository.got(tx, coupon.template_id, driver_id) >= template.per_driver
    ):
        raise _refused("enough", "You had as many of these coupons as one may have.")
    await codes.spend(tx, code, at)
    if await repository.give(tx, coupon, template.operator, driver_id, at) is None:
        raise _refused("gone", "The coupon was used, or set aside for a payment, before you claimed it.")
    await codes_repository.withdraw(tx, coupons.COUNTER, [code.subject])
    return coupon.coupon_id


async def _require_claimable(
    tx: Connection, campaign: Campaign, driver_id: str, claimed: int, at: datetime
) -> None:  # fmt: skip
    if not isinstance(campaign.benefit, CouponReward | GiftReward) or campaign.benefit.trigger is not Trigger.CLAIM:
        raise _refused("not_claimable", "This campaign gives nothing to claim: what it gives comes by itself.")
    if campaign.status not in OUT or (campaign.ends_at is not None and campaign.ends_at <= at):
        raise _refused("ended", "The campaign has ended, or is paused.")
    if campaign.starts_at > at:
        raise _refused("not_yet", f"The campaign begins on {campaign.starts_at:%Y-%m-%dT%H:%M:%SZ}.")
    tiers = campaign.scope.tiers
    if tiers is not None and await members.tier_of(tx, driver_id) not in tiers:
        raise _refused("tier", f"This campaign is for members of the tier {' or '.join(tiers)}.")
    if claimed >= (campaign.uses_per_driver or 1):
        raise _refused("claimed", "You have claimed as much of this campaign as one may.")


async def _give(
    loyalty: Loyalty, tx: Connection, campaign: Campaign, driver_id: str, key: str, at: datetime
) -> dict[str, UUID | None]:  # fmt: skip
    campaign_id = UUID(campaign.campaign_id)
    match campaign.benefit:
        case CouponReward(template_id=text):
            coupon_id = await coupons.issue(
                loyalty, tx, UUID(text), driver_id, reason=CLAIM, key=key, at=at, campaign_id=campaign_id
            )
            if coupon_id is None:
                raise await _not_issued(tx, UUID(text), at)
            return {"coupon_id": coupon_id, "gift_order_id": None}
        case GiftReward(gift_id=text):
            order_id = await gift_orders.give(
                loyalty, tx, UUID(text), driver_id, key=key, at=at, campaign_id=campaign_id
            )  # fmt: skip
            if order_id is None:
                raise _refused("used_up", "All of these gifts are gone.")
            return {"coupon_id": None, "gift_order_id": order_id}
        case other:
            raise TypeError(other)


async def _not_issued(tx: Connection, template_id: UUID, at: datetime) -> Problem:
    template = await coupon_templates.find(tx, template_id)
    if template is None or template.stopped_at is not None or (template.ends_at is not None and template.ends_at <= at):
        return _refused("ended", "These coupons are not given out any more.")
    if template.most_issued is not None and template.issued >= template.most_issued:
        return _refused("used_up", "All of these coupons are taken.")
    return _refused("enough", "You had as many of these coupons as one may have.")


def _refused(reason: str, detail: str, **facts: Any) -> Problem:
    return Problem(409, "claim-refused", detail, reason=reason, **facts)
