"""Rewards that go by the calendar: the month of a driver's birth, and a long absence. Once a day for each campaign."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from loyalty.domain.misuse import Verdict
from loyalty.domain.rewards import after_order, by_year, trigger_of
from loyalty.domain.terms import Campaign, CouponReward, GiftReward, Trigger
from loyalty.repository import members
from loyalty.repository import reward_days as repository
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.each_by_itself import each_by_itself
from loyalty.use_cases.rewards import offer
from servicekit.postgres import Connection

PAGE = 200
LEASE = timedelta(minutes=10)
"""After so long another process takes over from one that seems to be dead; nothing is given twice if it is not."""


async def give_of_the_day(loyalty: Loyalty, now: datetime | None = None) -> int:
    """Gives what is due today (UTC) and was not given yet; for how many campaigns."""
    at, done = now or datetime.now(UTC), 0
    async with loyalty.store.connection() as connection:
        campaigns = await repository.out(connection, at, at.date())
    for campaign in campaigns:
        campaign_id = UUID(campaign.campaign_id)
        taken = await loyalty.store.transact(
            lambda tx, it=campaign_id: repository.take(tx, it, at.date(), at, LEASE)
        )  # fmt: skip
        if taken:
            await _give_to_all(loyalty, campaign, at)
            await loyalty.store.transact(lambda tx, it=campaign_id: repository.finish(tx, it, at.date(), at))
            done += 1
    return done


async def _give_to_all(loyalty: Loyalty, campaign: Campaign, at: datetime) -> None:
    after = ""
    while True:
        async with loyalty.store.connection() as connection:
            page = await _page(connection, campaign, at, after)
        await each_by_itself(loyalty, page, partial(_give, loyalty, campaign, at), "rewards_of_the_day")
        if len(page) < PAGE:
            return
        after = page[-1][0]


async def _page(connection: Connection, campaign: Campaign, at: datetime, after: str) -> list[tuple[str, str]]:
    """(driver, key) of rewards that are due."""
    if trigger_of(campaign) == Trigger.BIRTHDAY_MONTH:
        found = await repository.with_birthday(connection, campaign, at, after, PAGE)
        return [(driver_id, by_year(campaign, driver_id, at.year)) for driver_id in found]
    gone = await repository.gone_since(connection, campaign, at - timedelta(days=_days(campaign)), after, PAGE)
    return [(driver_id, after_order(campaign, order_id)) for driver_id, order_id in gone]


async def _give(loyalty: Loyalty, campaign: Campaign, at: datetime, tx: Connection, due: tuple[str, str]) -> bool:
    driver_id, key = due
    if await loyalty.erasures.turn(tx, driver_id) is not None:
        return False
    await members.lock(tx, driver_id)
    return await offer(loyalty, tx, campaign, key, driver_id, Verdict.CLEAR, now=at) == "given"


def _days(campaign: Campaign) -> int:
    benefit = campaign.benefit
    return (benefit.count if isinstance(benefit, CouponReward | GiftReward) else None) or 1
