"""Rewards without a fill: the month of a driver's birth, a long absence, a friend who came."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from loyalty.use_cases.people import PeopleData
from loyalty.use_cases.reward_days import LEASE, give_of_the_day
from schemas.events import OrderPaidV1
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import Loyalty
from .purchase_kit import paid, refunded, take
from .reward_kit import DRIVER, coupon_campaign, coupons_of, fill, rewarded, settled

FRIEND = "0199a000-0000-7000-8000-00000000d00f"


async def days_pass(loyalty: Loyalty) -> None:
    """Another day: what was done today is to be done again."""
    await loyalty.sql("UPDATE reward_days SET day = day - 1")


async def born(loyalty: Loyalty, month: int, driver: str = DRIVER) -> None:
    await loyalty.sql("UPDATE members SET birth_month = $2 WHERE driver_id = $1", driver, month)


async def test_a_birthday_month_is_rewarded_once_a_year_whoever_gives_it(loyalty: Loyalty) -> None:
    now, station = datetime.now(UTC), await loyalty.station()
    await fill(loyalty, station)
    await fill(loyalty, station, FRIEND)
    await born(loyalty, now.month)
    await born(loyalty, now.month % 12 + 1, FRIEND)
    await coupon_campaign(loyalty, "birthday_month")
    await asyncio.gather(*(give_of_the_day(loyalty.process) for _ in range(3)))
    await days_pass(loyalty)
    await give_of_the_day(loyalty.process)
    assert await finished(loyalty)
    assert (await coupons_of(loyalty), await coupons_of(loyalty, FRIEND)) == (1, 0)
    await give_of_the_day(loyalty.process, now.replace(year=now.year + 1, day=1))
    assert await coupons_of(loyalty) == 2


async def test_accounts_that_became_one_have_one_birthday(loyalty: Loyalty) -> None:
    await fill(loyalty, await loyalty.station())
    await born(loyalty, datetime.now(UTC).month)
    await coupon_campaign(loyalty, "birthday_month")
    await give_of_the_day(loyalty.process, datetime.now(UTC))
    await eventually(lambda: coupons_of(loyalty))
    people = PeopleData(loyalty.process)
    await loyalty.store.transact(lambda tx: people.merge(tx, DRIVER, FRIEND))
    await born(loyalty, datetime.now(UTC).month, FRIEND)
    await days_pass(loyalty)
    await give_of_the_day(loyalty.process)
    assert await coupons_of(loyalty, FRIEND) == 1


async def finished(loyalty: Loyalty) -> bool:
    return await loyalty.sql("SELECT bool_and(done_at IS NOT NULL) FROM reward_days")


async def test_who_never_was_a_customer_gets_nothing_for_a_birthday(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    order = paid(DRIVER, station_id=station)
    await take(loyalty, [order])
    await take(loyalty, [refunded(order, 10_000)])
    await born(loyalty, datetime.now(UTC).month)
    await coupon_campaign(loyalty, "birthday_month")
    await give_of_the_day(loyalty.process)
    assert await coupons_of(loyalty) == 0


async def last_fill(loyalty: Loyalty, days_ago: int) -> OrderPaidV1:
    return await fill(loyalty, await loyalty.station(), occurred_at=datetime.now(UTC) - timedelta(days=days_ago))


async def test_a_long_absence_is_rewarded_once(loyalty: Loyalty) -> None:
    await last_fill(loyalty, 100)
    await last_fill(loyalty, 59)
    await coupon_campaign(loyalty, "come_back", 60)
    await give_of_the_day(loyalty.process)
    assert await coupons_of(loyalty) == 0
    for days in (1, 2, 30):
        await give_of_the_day(loyalty.process, datetime.now(UTC) + timedelta(days=days))
    assert await coupons_of(loyalty) == 1
    await last_fill(loyalty, -31)  # the driver came back, and stays away once more
    for days in (80, 92, 93):
        await give_of_the_day(loyalty.process, datetime.now(UTC) + timedelta(days=days))
    assert await coupons_of(loyalty) == 2


async def test_a_day_that_a_process_left_half_done_is_done_by_another(loyalty: Loyalty) -> None:
    await last_fill(loyalty, 90)
    one, now = await coupon_campaign(loyalty, "come_back", 60), datetime.now(UTC)
    await loyalty.sql(
        """INSERT INTO reward_days (campaign_id, day, taken_at) VALUES ($1, $2, $3)
           ON CONFLICT (campaign_id, day) DO UPDATE SET (taken_at, done_at) = ($3, NULL)""",
        UUID(one["campaign_id"]), now.date() + timedelta(days=1), now + timedelta(days=1),
    )  # fmt: skip
    await loyalty.sql("DELETE FROM coupons")
    await loyalty.sql("DELETE FROM rewards")
    assert await give_of_the_day(loyalty.process, now + timedelta(days=1, seconds=1)) == 0
    assert await give_of_the_day(loyalty.process, now + timedelta(days=1) + LEASE) == 1
    assert await coupons_of(loyalty) == 1


async def test_a_friend_who_came_is_rewarded_to_who_invited(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "invite_friend")
    await befriend(loyalty)
    first = await fill(loyalty, station, FRIEND)
    await fill(loyalty, station, FRIEND)
    await fill(loyalty, station, str(new_id()))
    await rewarded(loyalty)
    await loyalty.sql("UPDATE purchases SET rewarded_at = NULL")
    await rewarded(loyalty)
    assert (await coupons_of(loyalty), await loyalty.sql("SELECT count(*) FROM coupons")) == (1, 1)
    assert await loyalty.sql("SELECT order_id FROM rewards") == first.order_id
    assert await loyalty.sql("SELECT rewarded_at FROM referrals") is not None


async def befriend(loyalty: Loyalty) -> None:
    """FRIEND came by DRIVER's invitation."""
    await loyalty.sql("INSERT INTO members (driver_id) VALUES ($1), ($2) ON CONFLICT DO NOTHING", DRIVER, FRIEND)
    await loyalty.sql(
        "INSERT INTO referrals (friend_id, inviter_id, made_at) VALUES ($1, $2, now() - interval '1 h')", FRIEND, DRIVER
    )


async def test_a_friend_who_pays_with_the_inviters_card_is_looked_into_first(loyalty: Loyalty) -> None:
    station, card = await loyalty.station(), new_id()
    await coupon_campaign(loyalty, "invite_friend")
    await befriend(loyalty)
    await fill(loyalty, station, method="fuel_card", card_id=card)
    await fill(loyalty, station, FRIEND, method="fuel_card", card_id=card)
    await rewarded(loyalty)
    assert await loyalty.sql("SELECT status FROM rewards") == "held"
    await loyalty.sql("UPDATE misuse_flags SET (status, decided_at) = ('confirmed', now())")
    await settled(loyalty)
    assert await loyalty.sql("SELECT status FROM rewards") == "refused"
    assert await loyalty.sql("SELECT count(*) FROM coupons") == 0
