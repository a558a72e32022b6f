"""Gives rewards: each once for its key, within the campaign's limits, and only where nothing looks like misuse."""

from datetime import UTC, datetime
from uuid import UUID

from loyalty.domain.gifts import GiftStep
from loyalty.domain.misuse import Verdict
from loyalty.domain.rewards import STAMP_CARD, Fill, counts, for_friend, keys_due, numbered, trigger_of
from loyalty.domain.terms import Campaign, CouponReward, GiftReward, StampCard, Trigger
from loyalty.repository import campaign_use, members, stamps
from loyalty.repository import rewards as repository
from loyalty.repository.rewards import Reward, issue_key
from loyalty.use_cases import coupons, gift_orders, misuse, referrals
from loyalty.use_cases.context import Loyalty
from servicekit.postgres import Connection
from servicekit.telemetry import REWARDS

TAKEN_BACK = (Trigger.EVERY_FILL, Trigger.FIRST_FILL, Trigger.INVITE_FRIEND)
"""Given for one order alone. Where several are counted, one that was refunded does not count for the next reward."""
STATUS = {Verdict.CLEAR: "given", Verdict.UNDER_REVIEW: "held", Verdict.REFUSED: "refused"}


class NotGiven(Exception):
    """A reward that cannot be given; what was begun is taken back. The text is one word."""


async def reward_fill(loyalty: Loyalty, tx: Connection, fill: Fill) -> None:
    """Gives all that is due for a fill, and notes that nothing is any more; a second time there is nothing to do.

    Of one that was refunded whole since, what was given for it is taken back as far as it is there.
    """
    driver_id = fill.purchase.driver_id
    known = {driver_id, *await _friend_of(loyalty, tx, fill.order_id, driver_id), *await _rewarded_for(tx, fill)}
    present = [one for one in sorted(known) if await loyalty.erasures.turn(tx, one) is None]
    await members.lock(tx, *present)
    now_known = await repository.lock_due(tx, fill.order_id)
    if now_known is None or (now_known.purchase.driver_id, now_known.is_refunded) != (driver_id, fill.is_refunded):
        return  # somebody else did it, the driver's accounts became one, or it was just refunded: the next look does
    if not known.issuperset(await _rewarded_for(tx, fill)):
        return  # as for the accounts of who got something for it
    now = datetime.now(UTC)
    if fill.is_refunded:
        await _take_back(loyalty, tx, fill, present, now)
    elif driver_id in present:
        await _give_all(loyalty, tx, now_known, present, now)
    await repository.mark_done(tx, [fill.order_id], now)


async def _rewarded_for(tx: Connection, fill: Fill) -> list[str]:
    if not fill.is_refunded:
        return []
    return [one.driver_id for one in await repository.given_for(tx, fill.order_id, TAKEN_BACK)]


async def _take_back(loyalty: Loyalty, tx: Connection, fill: Fill, present: list[str], now: datetime) -> None:
    """What was given for an order alone, and is neither used nor handed over; it can then be earned anew."""
    for reward in await repository.given_for(tx, fill.order_id, TAKEN_BACK):
        if reward.driver_id in present and await _withdraw(loyalty, tx, reward, now):
            await repository.forget(tx, reward)
            await campaign_use.give_back(tx, reward.campaign_id, reward.driver_id)
            REWARDS.labels(reward.trigger, "taken_back").inc()
            if reward.trigger == Trigger.INVITE_FRIEND:
                await referrals.note_taken_back(tx, fill.purchase.driver_id)


async def _withdraw(loyalty: Loyalty, tx: Connection, reward: Reward, now: datetime) -> bool:
    if reward.gift_order_id is None:
        return await repository.cancel_coupon(tx, reward)
    order = await gift_orders.own_order(tx, reward.driver_id, reward.gift_order_id)
    if GiftStep.CANCEL not in order.next_steps:
        return False
    await gift_orders.take_step(loyalty, tx, order.gift_order_id, GiftStep.CANCEL, gift_orders.LOYALTY, at=now)
    return True


async def _friend_of(loyalty: Loyalty, tx: Connection, order_id: UUID, driver_id: str) -> list[str]:
    """Who invited the driver, where this is the driver's first paid order."""
    due = await referrals.due(loyalty, tx, order_id)
    return [due.inviter_id] if due is not None and due.friend_id == driver_id else []


async def _give_all(loyalty: Loyalty, tx: Connection, fill: Fill, present: list[str], now: datetime) -> None:
    purchase = fill.purchase
    at_operator = await repository.campaigns_of(tx, [purchase.operator], purchase.at, purchase.at)
    campaigns = [one for one in at_operator.get(purchase.operator, ()) if counts(one, fill)]
    if not campaigns:
        return
    verdict = await misuse.look_at_fill(loyalty, tx, fill.order_id)
    fills = await repository.fills_of(
        tx, purchase.driver_id, purchase.operator, min(one.starts_at for one in campaigns)
    )  # fmt: skip
    is_first = await repository.is_first(tx, fill)
    decided = await repository.decided(tx, purchase.driver_id, [UUID(one.campaign_id) for one in campaigns])
    for campaign in campaigns:
        so_far = decided.get(UUID(campaign.campaign_id), 0)
        match trigger_of(campaign):
            case Trigger.INVITE_FRIEND:
                await _reward_inviter(loyalty, tx, campaign, fill, present, now)
            case trigger if trigger == STAMP_CARD:
                await _stamp(loyalty, tx, campaign, fill, verdict, so_far, now)
            case _:
                for key in keys_due(campaign, fill, fills, is_first=is_first, decided=so_far):
                    await offer(loyalty, tx, campaign, key, purchase.driver_id, verdict, now=now, fill=fill)


async def _reward_inviter(
    loyalty: Loyalty, tx: Connection, campaign: Campaign, fill: Fill, present: list[str], now: datetime
) -> None:
    due = await referrals.due(loyalty, tx, fill.order_id)
    if due is None or due.inviter_id not in present:
        return
    key = for_friend(campaign, due.friend_id)
    outcome = await offer(loyalty, tx, campaign, key, due.inviter_id, due.verdict, now=now, fill=fill)
    if outcome == "given":
        await referrals.note_rewarded(tx, due.friend_id, now)


async def _stamp(
    loyalty: Loyalty, tx: Connection, campaign: Campaign, fill: Fill, verdict: Verdict, cards: int, now: datetime
) -> None:
    """A stamp; where that makes the card full, what a full card is worth, and a new one begins."""
    driver_id, campaign_id, benefit = fill.purchase.driver_id, UUID(campaign.campaign_id), campaign.benefit
    if not isinstance(benefit, StampCard):
        raise TypeError(f"the campaign {campaign_id} has no cards")
    await stamps.insert(tx, campaign_id, fill.order_id, driver_id, fill.purchase.at)
    loose = await stamps.loose(tx, campaign_id, driver_id, benefit.stamps)
    if len(loose) < benefit.stamps:
        return
    key = numbered(campaign, driver_id, cards + 1)
    if await offer(loyalty, tx, campaign, key, driver_id, verdict, now=now, fill=fill) in STATUS.values():
        await stamps.put_on_card(tx, campaign_id, loose, cards + 1)


async def offer(
    loyalty: Loyalty, tx: Connection, campaign: Campaign, key: str, driver_id: str, verdict: Verdict, *, now: datetime,
    fill: Fill | None = None,
) -> str:  # fmt: skip
    """Gives a reward, holds it back until somebody has looked into it, or notes that it is refused; which of them.

    Otherwise why it is not given: `known`, `used_up`, `nothing_left`. The caller has locked the driver.
    """
    trigger, order_id = trigger_of(campaign) or "", fill.order_id if fill else None
    reward = Reward(key, UUID(campaign.campaign_id), driver_id, trigger, STATUS[verdict], order_id)
    try:
        async with tx.transaction():
            if not await repository.insert(tx, reward, now):
                raise NotGiven("known")
            if verdict is Verdict.CLEAR:
                await give(loyalty, tx, campaign, reward, at=fill.purchase.at if fill else now, now=now)
    except NotGiven as reason:
        outcome = str(reason)
    else:
        outcome = reward.status
    REWARDS.labels(trigger, outcome).inc()
    return outcome


async def give(
    loyalty: Loyalty, tx: Connection, campaign: Campaign, reward: Reward, *, at: datetime, now: datetime
) -> None:  # fmt: skip
    """Gives a reward that is noted; `at` is when it was earned. Raises NotGiven: call it inside a savepoint."""
    issued = issue_key(reward)
    coupon_id = gift_order_id = None
    match campaign.benefit:
        case CouponReward(template_id=template_id) | StampCard(template_id=template_id):
            coupon_id = await coupons.issue(
                loyalty, tx, UUID(template_id), reward.driver_id, reason=reward.trigger, key=issued, at=now,
                campaign_id=reward.campaign_id,
            )  # fmt: skip
        case GiftReward(gift_id=gift_id):
            gift_order_id = await gift_orders.give(
                loyalty, tx, UUID(gift_id), reward.driver_id, key=issued, at=now, campaign_id=reward.campaign_id
            )
        case _:
            raise TypeError(f"the campaign {campaign.campaign_id} gives no rewards")
    if coupon_id is None and gift_order_id is None:
        raise NotGiven("nothing_left")
    if not await campaign_use.take(tx, reward.campaign_id, reward.driver_id, at=at):
        raise NotGiven("used_up")
    await repository.settle(tx, reward.key, "given", now, coupon_id=coupon_id, gift_order_id=gift_order_id)
