"""What was given for an order that is refunded whole since is taken back as far as it is there, and earned anew."""

from datetime import UTC, datetime, timedelta

from loyalty.use_cases.people import PeopleData
from schemas.events import OrderPaidV1
from servicekit.ids import new_id

from .campaign_kit import published
from .conftest import Loyalty
from .coupon_kit import stored
from .gift_kit import code_of, crew, gift, stock
from .member_kit import come, drivers, friends, invite
from .purchase_kit import refunded, take
from .reward_kit import DRIVER, coupon_campaign, fill, rewarded


async def refund(loyalty: Loyalty, order: OrderPaidV1, minor: int = 10_000) -> None:
    await take(loyalty, [refunded(order, minor)])
    await rewarded(loyalty)


async def states(loyalty: Loyalty, table: str = "coupons") -> list[str]:
    return [row["status"] for row in await loyalty.rows(f"SELECT status FROM {table} ORDER BY 1")]  # noqa: S608 -- own names


async def test_a_coupon_that_is_not_used_goes_with_the_order_and_is_earned_anew(loyalty: Loyalty) -> None:
    station, template = await loyalty.station(), await stored(loyalty, per_driver=1)
    benefit = {"kind": "coupon", "template_id": str(template.template_id), "trigger": "first_fill"}
    await published(loyalty, benefit=benefit, uses_per_driver=1)
    for _ in range(2):
        order = await fill(loyalty, station)
        await rewarded(loyalty)
        await refund(loyalty, order, 9_999)
        assert (await states(loyalty))[0] == "active", "what was refunded in part is still a fill"
        await refund(loyalty, order)
        assert set(await states(loyalty)) == {"cancelled"}
        assert await loyalty.sql("SELECT uses FROM campaign_use") == 0
    await fill(loyalty, station)
    await rewarded(loyalty)
    assert await states(loyalty) == ["active", "cancelled", "cancelled"]
    assert await loyalty.sql("SELECT count(*) FROM rewards") == 1


async def test_what_was_used_or_counted_over_several_fills_stays(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "every_fill")
    await coupon_campaign(loyalty, "nth_fill", 2)
    orders = [await fill(loyalty, station) for _ in range(2)]
    await rewarded(loyalty)
    await loyalty.sql(
        """UPDATE coupons SET (status, redeemed_at) = ('redeemed', now())
           WHERE coupon_id = (SELECT coupon_id FROM rewards WHERE order_id = $1 AND trigger = 'every_fill')""",
        orders[0].order_id,
    )
    for order in orders:
        await refund(loyalty, order)
    assert await states(loyalty) == ["active", "cancelled", "redeemed"]
    assert await loyalty.sql("SELECT reason FROM coupons WHERE status = 'active'") == "nth_fill"


async def test_a_gift_is_on_stock_again_unless_it_was_handed_over(loyalty: Loyalty) -> None:
    station, gift_id = await loyalty.station(), await gift(loyalty, stock=2)
    await published(loyalty, benefit={"kind": "gift", "gift_id": str(gift_id), "trigger": "every_fill"})
    orders = [await fill(loyalty, station) for _ in range(2)]
    await rewarded(loyalty)
    (row,) = await loyalty.rows("SELECT * FROM rewards WHERE order_id = $1", orders[0].order_id)
    code = await code_of(loyalty, DRIVER, {"gift_order_id": row["gift_order_id"]})
    handed = await crew(loyalty, "/gift-hand-overs", {"code": code, "station_id": str(station)})
    assert handed.status_code == 200, handed.text
    for order in orders:
        await refund(loyalty, order)
    assert (await states(loyalty, "gift_orders"), await stock(loyalty, gift_id)) == (["cancelled", "picked_up"], (1, 0))


async def test_an_inviter_loses_what_a_refunded_order_of_the_friend_gave(loyalty: Loyalty) -> None:
    station, (inviter, friend) = await loyalty.station(), drivers(2)
    await coupon_campaign(loyalty, "invite_friend")
    await come(loyalty, friend, await invite(loyalty, inviter))
    later = datetime.now(UTC) + timedelta(seconds=1)
    order = await fill(loyalty, station, friend, occurred_at=later)
    await rewarded(loyalty)
    assert (await states(loyalty), [one["stage"] for one in await friends(loyalty, inviter)]) == (
        ["active"], ["rewarded"]
    )  # fmt: skip
    await refund(loyalty, order)
    assert await states(loyalty) == ["cancelled"]
    assert [one["stage"] for one in await friends(loyalty, inviter)] == ["registered"]
    await fill(loyalty, station, friend, occurred_at=later + timedelta(seconds=1))
    await rewarded(loyalty)
    assert await states(loyalty) == ["active", "cancelled"]


async def test_a_refund_that_is_told_after_accounts_were_merged_finds_the_reward(loyalty: Loyalty) -> None:
    station, people, into = await loyalty.station(), PeopleData(loyalty.process), str(new_id())
    await coupon_campaign(loyalty, "every_fill")
    order = await fill(loyalty, station)
    await rewarded(loyalty)
    await loyalty.store.transact(lambda tx: people.merge(tx, DRIVER, into))
    await refund(loyalty, order)
    assert await states(loyalty) == ["cancelled"]
