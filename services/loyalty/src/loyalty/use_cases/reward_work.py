"""Gives out rewards that are due, again and again, wherever it was stopped before; replicas may overlap.

The queue are the purchases themselves (`rewarded_at`). Each is done in a transaction of its own, so one that cannot be
done stops no other: it is tried again, later and later, then given up. A metric shows that, and
`python -m loyalty.commands rewards retry` tries it once more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from loyalty.domain.misuse import Verdict, worst
from loyalty.domain.rewards import Fill, counts, is_by_fills
from loyalty.domain.terms import Trigger
from loyalty.repository import members
from loyalty.repository import rewards as repository
from loyalty.repository.rewards import Reward
from loyalty.use_cases import misuse, referrals
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.each_by_itself import each_by_itself
from loyalty.use_cases.gift_orders import expire_orders
from loyalty.use_cases.reward_days import give_of_the_day
from loyalty.use_cases.rewards import NotGiven, give, reward_fill
from servicekit.postgres import Connection
from servicekit.repeating import repeat
from servicekit.store import StoreUnavailable
from servicekit.telemetry import REWARDS, REWARDS_GIVEN_UP

log = logging.getLogger(__name__)

Work = Callable[[Loyalty], Awaitable[int]]
"""Does what is due; how much there was."""
AT_ONCE = 200
SIDE_BY_SIDE = 4
MOST_TRIES = 8
FIRST_PAUSE = timedelta(seconds=2)
PAUSE_SECONDS = 0.5
HELD_PAUSE_SECONDS = 2.0
DAY_PAUSE_SECONDS = 60.0


def start_reward_work(loyalty: Loyalty, background: Callable[[str, Callable[[], Awaitable[None]]], None]) -> None:
    """Starts it all; `background` is that of servicekit.app.Kit."""
    for name, work, pause_seconds in (
        ("rewards", give_due, PAUSE_SECONDS),
        ("held_rewards", settle_held, HELD_PAUSE_SECONDS),
        ("gift_expiry", expire_orders, DAY_PAUSE_SECONDS),
        ("rewards_of_the_day", give_of_the_day, DAY_PAUSE_SECONDS),
    ):
        background(name, partial(repeat, partial(_until_done, loyalty, work), pause_seconds))


async def _until_done(loyalty: Loyalty, work: Work) -> None:
    while await work(loyalty):
        pass


async def give_due(loyalty: Loyalty) -> int:
    """Gives what is due for the purchases that wait; how many were done, or failed once more."""
    now = datetime.now(UTC)
    async with loyalty.store.connection() as connection:
        waiting = await repository.due(connection, now, AT_ONCE)
        REWARDS_GIVEN_UP.set(await repository.count_given_up(connection))
        earning = await _earning(connection, waiting)
    idle = [one.order_id for one in waiting if one.order_id not in earning]
    if idle:
        await loyalty.store.transact(lambda tx: repository.mark_done(tx, idle, now))
    await _side_by_side(loyalty, [one for one in waiting if one.order_id in earning])
    return len(waiting)


async def _earning(connection: Connection, waiting: Sequence[Fill]) -> set[UUID]:
    """Of which purchases a campaign gives something, or may have: what was refunded since is taken back."""
    moments = [one.purchase.at for one in waiting]
    operators = {one.purchase.operator for one in waiting}
    found = await repository.campaigns_of(connection, operators, min(moments), max(moments)) if moments else {}
    return {
        one.order_id for one in waiting
        if one.is_refunded or any(is_by_fills(it) and counts(it, one) for it in found.get(one.purchase.operator, ()))
    }  # fmt: skip


async def _side_by_side(loyalty: Loyalty, fills: Sequence[Fill]) -> None:
    turns = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one_by_one(fill: Fill) -> None:
        async with turns:
            await _reward(loyalty, fill)

    await asyncio.gather(*map(one_by_one, fills))


async def _reward(loyalty: Loyalty, fill: Fill) -> None:
    try:
        await loyalty.store.transact(lambda tx: reward_fill(loyalty, tx, fill))
    except StoreUnavailable:
        raise
    except Exception as error:  # whatever is wrong with one must not stop the others
        log.exception("rewards could not be given", exc_info=error, extra={"order_id": str(fill.order_id)})
        name, now = type(error).__name__, datetime.now(UTC)
        await loyalty.store.transact(
            lambda tx: repository.note_trouble(tx, fill.order_id, name, now, MOST_TRIES, FIRST_PAUSE)
        )


async def settle_held(loyalty: Loyalty) -> int:
    """Gives or refuses rewards that somebody has looked into; how many."""
    settled, after = 0, ""
    while True:
        async with loyalty.store.connection() as connection:
            page = await repository.held(connection, after, AT_ONCE)
        settled += await each_by_itself(loyalty, page, partial(_settle, loyalty), "held_rewards")
        if len(page) < AT_ONCE:
            return settled
        after = page[-1].key


async def _settle(loyalty: Loyalty, tx: Connection, waiting: Reward) -> bool:
    """Whether it is decided now: by the verdict of this moment."""
    is_gone, now = await loyalty.erasures.turn(tx, waiting.driver_id) is not None, datetime.now(UTC)
    await members.lock(tx, *([] if is_gone else [waiting.driver_id]))
    reward = await repository.lock_held(tx, waiting.key)
    if reward is None or reward.driver_id != waiting.driver_id or reward.order_id is None:
        return False
    if is_gone:
        await repository.settle(tx, reward.key, "refused", now)
        return True
    due, verdict = None, await misuse.look_at_fill(loyalty, tx, reward.order_id)
    if reward.trigger == Trigger.INVITE_FRIEND:
        due = await referrals.due(loyalty, tx, reward.order_id)
        verdict = worst(verdict, await referrals.verdict_about(tx, reward.order_id, reward.driver_id))
    if verdict is Verdict.UNDER_REVIEW:
        return False
    given = verdict is Verdict.CLEAR and await _give_held(loyalty, tx, reward, now)
    if not given:
        await repository.settle(tx, reward.key, "refused", now)
    elif due is not None:
        await referrals.note_rewarded(tx, due.friend_id, now)
    REWARDS.labels(reward.trigger, "given" if given else "refused").inc()
    return True


async def _give_held(loyalty: Loyalty, tx: Connection, reward: Reward, now: datetime) -> bool:
    campaign = await repository.find_campaign(tx, reward.campaign_id)
    fill = await repository.find_fill(tx, reward.order_id) if reward.order_id else None
    if campaign is None or fill is None or fill.is_refunded:
        return False
    try:
        async with tx.transaction():
            await give(loyalty, tx, campaign, reward, at=fill.purchase.at, now=now)
    except NotGiven:
        return False
    return True
