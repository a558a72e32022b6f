"""Campaigns reward what drivers did: each reward once, whatever comes twice, late, in another order, or dies."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from loyalty.use_cases import campaign_work, reward_work, rewards
from loyalty.use_cases.people import PeopleData
from schemas.events import OrderPaidV1, UserErasedV1
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.personal_data import PeopleDesk
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable
from servicekit.testkit import eventually

from .campaign_kit import done, published
from .conftest import Loyalty, any_message
from .coupon_kit import stored
from .gift_kit import code_of, crew, gift, stock
from .purchase_kit import NOW, paid, refunded, take
from .reward_kit import DRIVER, coupon_campaign, coupons_of, fill, rewarded, settled


async def replay(loyalty: Loyalty, orders: Sequence[OrderPaidV1]) -> None:
    """The same orders are looked at anew, as if nobody had noted that they were."""
    await take(loyalty, orders)
    await loyalty.sql("UPDATE purchases SET rewarded_at = NULL")
    await rewarded(loyalty)


async def test_every_fill_in_scope_gives_a_coupon_once(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    one = await coupon_campaign(loyalty, "every_fill", scope={"minimum_volume_ml": 10_000})
    orders = [await fill(loyalty, station), await fill(loyalty, station), await fill(loyalty, station, volume_ml=9_000)]
    await rewarded(loyalty)
    assert await coupons_of(loyalty) == 2
    (row, _) = await loyalty.rows("SELECT * FROM rewards ORDER BY key")
    assert (row["status"], row["trigger"], str(row["campaign_id"])) == ("given", "every_fill", one["campaign_id"])
    assert await loyalty.sql("SELECT uses FROM campaign_use") == 2
    await replay(loyalty, orders)
    assert (await coupons_of(loyalty), await loyalty.sql("SELECT uses FROM campaign_use")) == (2, 2)


async def test_nth_and_first_fills_in_any_order_of_events(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "nth_fill", 3)
    await coupon_campaign(loyalty, "first_fill")
    orders = [paid(DRIVER, station_id=station, occurred_at=NOW - timedelta(minutes=minute)) for minute in range(7)]
    for order in [orders[3], *orders[:3], *orders[4:]]:
        await take(loyalty, [order])
        await rewarded(loyalty)
    assert await coupons_of(loyalty) == 3
    await replay(loyalty, orders)
    kinds = await loyalty.rows("SELECT trigger, count(*) AS n FROM rewards GROUP BY 1 ORDER BY 1")
    assert [(one["trigger"], one["n"]) for one in kinds] == [("first_fill", 1), ("nth_fill", 2)]


async def test_what_was_refunded_whole_before_is_not_rewarded(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "every_fill")
    whole, part = paid(DRIVER, station_id=station), paid(DRIVER, station_id=station)
    await take(loyalty, [refunded(whole, 10_000), refunded(part, 100)])
    await take(loyalty, [whole, part])
    await rewarded(loyalty)
    (row,) = await loyalty.rows("SELECT order_id FROM rewards")
    assert row["order_id"] == part.order_id


async def test_a_gift_is_given_for_nothing_and_picked_up_at_any_station_of_it(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    gift_id = await gift(loyalty, stock=1)
    await published(loyalty, benefit={"kind": "gift", "gift_id": str(gift_id), "trigger": "every_fill"})
    await fill(loyalty, station)
    await fill(loyalty, station, "0199a000-0000-7000-8000-00000000d002")
    await rewarded(loyalty)
    assert await stock(loyalty, gift_id) == (1, 1)
    (row,) = await loyalty.rows("SELECT * FROM gift_orders")
    assert (row["points"], row["station_id"], row["status"]) == (0, None, "placed")
    assert await loyalty.sql("SELECT count(*) FROM rewards") == 1
    code = await code_of(loyalty, row["driver_id"], {"gift_order_id": row["gift_order_id"]})
    handed = await crew(loyalty, "/gift-hand-overs", {"code": code, "station_id": str(station)})
    assert (handed.status_code, handed.json()["station_id"]) == (200, str(station))
    assert await stock(loyalty, gift_id) == (0, 0)


async def test_a_stamp_card_becomes_a_coupon_and_a_refund_voids_a_stamp_that_is_on_no_full_card(
    loyalty: Loyalty,
) -> None:
    station, template = await loyalty.station(), await stored(loyalty)
    card = {"kind": "stamp_card", "stamps": 3, "template_id": str(template.template_id)}
    await published(loyalty, benefit=card)
    orders = [await fill(loyalty, station) for _ in range(2)]
    await rewarded(loyalty)
    await take(loyalty, [refunded(orders[0], 10_000)])
    assert await cards(loyalty) == [(1, 3, 0)]
    orders += [await fill(loyalty, station) for _ in range(2)]
    await rewarded(loyalty)
    assert (await cards(loyalty), await coupons_of(loyalty)) == ([(0, 3, 1)], 1)
    await take(loyalty, [refunded(orders[1], 10_000)])  # its card was full before
    orders += [await fill(loyalty, station) for _ in range(3)]
    await rewarded(loyalty)
    await replay(loyalty, orders)
    assert (await cards(loyalty), await coupons_of(loyalty)) == ([(0, 3, 2)], 2)


async def cards(loyalty: Loyalty) -> list[tuple[int, int, int]]:
    answer = await loyalty.client.get("/v1/me/stamp-cards", headers=loyalty.driver(DRIVER))
    return [(one["stamps"], one["needed"], one["full_cards"]) for one in answer.json()["stamp_cards"]]


async def test_security_27_rewards_keep_within_the_campaigns_limits_whoever_gives_them_at_once(
    loyalty: Loyalty,
) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "every_fill", most_uses=5, uses_per_driver=2)
    drivers = [f"0199a000-0000-7000-8000-00000000d{number:03}" for number in range(4)]
    await take(loyalty, [paid(driver, station_id=station) for driver in drivers for _ in range(4)])
    await asyncio.gather(*(reward_work.give_due(loyalty.process) for _ in range(4)))
    await rewarded(loyalty)
    assert await loyalty.sql("SELECT count(*) FROM coupons") == 5
    assert await loyalty.sql("SELECT max(n)::int FROM (SELECT count(*) n FROM coupons GROUP BY driver_id) c") == 2
    assert await loyalty.sql("SELECT uses FROM campaign_use") == 5
    assert await loyalty.sql("SELECT issued::int FROM coupon_templates") == 5


async def test_a_process_that_dies_after_it_gave_a_coupon_gives_it_once(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "every_fill")
    real = rewards.repository.mark_done

    async def die(tx: Connection, order_ids: Sequence[UUID], at: datetime) -> None:
        await real(tx, order_ids, at)
        raise ConnectionResetError("the machine went away")

    monkeypatch.setattr(rewards.repository, "mark_done", die)
    order = await fill(loyalty, station)

    async def reward(tx: Connection) -> None:
        one = await rewards.repository.find_fill(tx, order.order_id)
        assert one is not None
        await rewards.reward_fill(loyalty.process, tx, one)

    with pytest.raises(StoreUnavailable, match="went away"):
        await loyalty.store.transact(reward)
    assert await coupons_of(loyalty) == 0
    monkeypatch.undo()
    await rewarded(loyalty)
    assert await coupons_of(loyalty) == 1


async def test_one_that_cannot_be_rewarded_stops_no_other_and_is_seen(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "every_fill")
    poison = paid(DRIVER, station_id=station, occurred_at=NOW - timedelta(minutes=1))
    real = rewards.misuse.look_at_fill

    async def look(process: Any, tx: Connection, order_id: UUID) -> Any:
        if order_id == poison.order_id:
            raise ValueError("poison")
        return await real(process, tx, order_id)

    monkeypatch.setattr(rewards.misuse, "look_at_fill", look)
    await take(loyalty, [poison, paid(DRIVER, station_id=station)])

    async def given_up() -> bool:
        await loyalty.sql("UPDATE reward_troubles SET next_try_at = now() - interval '1 s'")
        await reward_work.give_due(loyalty.process)
        return await loyalty.sql("SELECT count(*) FROM reward_troubles WHERE given_up_at IS NOT NULL") == 1

    await eventually(given_up)
    (row,) = await loyalty.store.transact(reward_work.repository.given_up)
    assert row["order_id"] == poison.order_id
    assert (row["tries"], row["error"], await coupons_of(loyalty)) == (reward_work.MOST_TRIES, "ValueError", 1)
    monkeypatch.undo()
    assert await loyalty.store.transact(reward_work.repository.try_again) == 1
    await rewarded(loyalty)
    assert (await coupons_of(loyalty), await loyalty.sql("SELECT count(*) FROM reward_troubles")) == (2, 0)


async def test_a_campaign_that_ended_by_its_time_still_rewards_what_was_before_and_a_stopped_one_nothing(
    loyalty: Loyalty,
) -> None:
    station = await loyalty.station()
    ended = await coupon_campaign(loyalty, "every_fill", ends_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    stopped = await coupon_campaign(loyalty, "every_fill")
    await loyalty.sql(
        "UPDATE campaigns SET ends_at = now() - interval '10 s' WHERE campaign_id = $1", UUID(ended["campaign_id"])
    )
    await campaign_work.carry_on_due(loyalty.store)
    await done(loyalty, stopped, "end", version=stopped["version"], reason="by mistake")
    await fill(loyalty, station, occurred_at=datetime.now(UTC) - timedelta(seconds=20))
    await fill(loyalty, station, occurred_at=datetime.now(UTC))
    await rewarded(loyalty)
    rows = await loyalty.rows("SELECT campaign_id FROM rewards")
    assert [str(one["campaign_id"]) for one in rows] == [ended["campaign_id"]]


async def test_a_reward_that_looks_like_misuse_waits_until_somebody_looked(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "every_fill")
    most = loyalty.process.settings.flag_fills_a_day
    orders = [paid(DRIVER, station_id=station, occurred_at=NOW - timedelta(minutes=n)) for n in range(most + 2)]
    await take(loyalty, orders)
    await rewarded(loyalty)
    assert await coupons_of(loyalty) == most
    assert await loyalty.sql("SELECT count(*) FROM rewards WHERE status = 'held'") == 2
    assert await reward_work.settle_held(loyalty.process) == 0
    (flag,) = await loyalty.rows("SELECT flag_id FROM misuse_flags")
    headers = loyalty.staff("rewards:review", role="agent")
    answer = await loyalty.client.post(f"/v1/reward-flags/{flag['flag_id']}/clear", json={}, headers=headers)
    assert answer.status_code == 200, answer.text
    await settled(loyalty)
    assert await coupons_of(loyalty) == most + 2


async def test_a_reward_of_somebody_who_was_erased_waits_no_more(loyalty: Loyalty) -> None:
    station, people = await loyalty.station(), PeopleData(loyalty.process)
    desk = PeopleDesk("loyalty", people, loyalty.process.erasures)
    await coupon_campaign(loyalty, "every_fill")
    most = loyalty.process.settings.flag_fills_a_day
    await take(loyalty, [paid(DRIVER, station_id=station) for _ in range(most + 1)])
    await rewarded(loyalty)
    assert await loyalty.sql("SELECT count(*) FROM rewards WHERE status = 'held'") > 0
    gone = Received(UserErasedV1(user_id=UUID(DRIVER), version=2, occurred_at=NOW), any_message())
    await loyalty.store.transact(lambda tx: desk.take_erasures(tx, [gone]))
    await settled(loyalty)
    assert await loyalty.sql("SELECT count(*) FROM rewards WHERE status = 'refused'") > 0


async def test_who_was_erased_gets_nothing_and_stamps_and_rewards_go_along_to_the_other_account(
    loyalty: Loyalty,
) -> None:
    station, template = await loyalty.station(), await stored(loyalty)
    await published(loyalty, benefit={"kind": "stamp_card", "stamps": 2, "template_id": str(template.template_id)})
    await coupon_campaign(loyalty, "nth_fill", 2)
    people, into = PeopleData(loyalty.process), str(new_id())
    await fill(loyalty, station)
    await fill(loyalty, station, into)
    await rewarded(loyalty)
    await loyalty.store.transact(lambda tx: people.merge(tx, DRIVER, into))
    await fill(loyalty, station, into)
    await rewarded(loyalty)
    assert await coupons_of(loyalty, into) == 2
    assert len((await people.collect(into))["stamps"]) == 3
    erased = await loyalty.store.transact(lambda tx: people.erase(tx, into))
    assert erased["stamps"] == 3
    assert len((await people.collect(into))["rewards"]) == 2
