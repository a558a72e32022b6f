"""What looks like misuse is flagged: the reward waits until somebody has decided, and the driver sees why."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from loyalty.domain.misuse import Verdict
from loyalty.repository.misuse import MOST_DEVICES
from loyalty.use_cases import referrals, reward_work
from servicekit.ids import new_id

from .conftest import Loyalty
from .member_kit import NOW, come, desk, drivers, due, erase, friends, fuel, invite, look, merge, reviewer
from .purchase_kit import STATION
from .reward_kit import coupon_campaign, coupons_of, rewarded, settled

BEIJING, TIANJIN = (39.904, 116.407), (39.084, 117.201)
LATER = NOW + timedelta(hours=1)


async def flags(loyalty: Loyalty, **query: Any) -> list[dict[str, Any]]:
    """What those who decide see."""
    answer = await loyalty.client.get("/v1/reward-flags", params=query, headers=reviewer(loyalty))
    assert answer.status_code == 200, answer.text
    return answer.json()["flags"]


async def decide(loyalty: Loyalty, flag_id: str, what: str, **body: Any) -> httpx.Response:
    return await loyalty.client.post(f"/v1/reward-flags/{flag_id}/{what}", json=body, headers=reviewer(loyalty))


async def mine(loyalty: Loyalty, driver: str) -> list[dict[str, Any]]:
    """What the driver sees."""
    return (await loyalty.client.get("/v1/me/reward-flags", headers=loyalty.driver(driver))).json()["flags"]


async def place(loyalty: Loyalty, where: tuple[float, float]) -> Any:
    station_id = new_id()
    await loyalty.sql("INSERT INTO station_places VALUES ($1, $2, $3, 1)", station_id, *where)
    return station_id


async def test_more_fills_in_a_day_than_one_driver_makes_hold_the_rewards_of_the_last(loyalty: Loyalty) -> None:
    (driver,) = drivers(1)
    most = loyalty.settings.flag_fills_a_day
    orders = [await fuel(loyalty, driver, 10, NOW - timedelta(minutes=10 * n)) for n in range(most, -1, -1)]
    assert [await look(loyalty, one) for one in orders] == [Verdict.CLEAR] * most + [Verdict.UNDER_REVIEW]
    assert await look(loyalty, orders[-1]) is Verdict.UNDER_REVIEW
    (flag,) = await flags(loyalty, status="open")
    assert (flag["kind"], flag["driver_id"], flag["order_id"], flag["details"]) == (
        "many_fills", driver, str(orders[-1]), {"fills": most + 1, "most": most, "hours": 24},
    )  # fmt: skip
    (seen,) = await mine(loyalty, driver)
    assert (seen["status"], seen["reason"][:14]) == ("open", "There were mor")
    assert "driver_id" not in seen
    assert (await decide(loyalty, flag["flag_id"], "clear")).status_code == 200
    assert await look(loyalty, orders[-1]) is Verdict.CLEAR


async def test_stations_that_no_car_reaches_in_time_are_flagged(loyalty: Loyalty) -> None:
    (driver,) = drivers(1)
    here, there = await place(loyalty, BEIJING), await place(loyalty, TIANJIN)
    first = await fuel(loyalty, driver, 10, NOW - timedelta(minutes=40), station_id=here)
    assert await look(loyalty, first) is Verdict.CLEAR
    second = await fuel(loyalty, driver, 10, NOW - timedelta(minutes=20), station_id=there)
    assert await look(loyalty, second) is Verdict.UNDER_REVIEW
    (flag,) = await flags(loyalty)
    assert (flag["kind"], flag["details"]["minutes"], flag["details"]["other_order_id"]) == ("fast_hop", 20, str(first))
    assert (await decide(loyalty, flag["flag_id"], "confirm")).status_code == 200
    assert await look(loyalty, second) is Verdict.REFUSED
    assert STATION not in {here, there}


async def test_an_unknown_order_holds_nothing_back(loyalty: Loyalty) -> None:
    assert await look(loyalty, new_id()) is Verdict.CLEAR


async def test_one_device_of_inviter_and_friend_holds_the_reward_until_it_is_decided(loyalty: Loyalty) -> None:
    inviter, friend = drivers(2)
    code = await invite(loyalty, inviter, "one-device-for-both")
    assert (await come(loyalty, friend, code, "one-device-for-both"))[0] == 201
    (shown,) = await friends(loyalty, inviter)
    assert (shown["stage"], shown["reasons"]) == (
        "under_review", ["The inviter and the friend used the same device."]
    )  # fmt: skip
    order = await fuel(loyalty, friend, 10, LATER)
    assert await due(loyalty, order) == (friend, inviter, Verdict.UNDER_REVIEW)
    (flag,) = await flags(loyalty)
    assert (flag["kind"], flag["driver_id"], flag["friend_id"]) == ("same_device", inviter, friend)
    assert (await decide(loyalty, flag["flag_id"], "clear", note="canary-note: a family")).status_code == 200
    assert await due(loyalty, order) == (friend, inviter, Verdict.CLEAR)
    await loyalty.store.transact(lambda tx: referrals.note_rewarded(tx, friend, NOW))
    assert [(one["stage"], one["reasons"]) for one in await friends(loyalty, inviter)] == [("rewarded", [])]


async def test_misuse_that_was_confirmed_refuses_the_reward_with_a_reason(loyalty: Loyalty) -> None:
    inviter, friend = drivers(2)
    await come(loyalty, friend, await invite(loyalty, inviter, "one-device-for-both"), "one-device-for-both")
    (flag,) = await flags(loyalty)
    await decide(loyalty, flag["flag_id"], "confirm")
    order = await fuel(loyalty, friend, 10, LATER)
    assert await due(loyalty, order) == (friend, inviter, Verdict.REFUSED)
    assert [one["stage"] for one in await friends(loyalty, inviter)] == ["refused"]
    assert [one["status"] for one in await mine(loyalty, inviter)] == ["confirmed"]
    assert await mine(loyalty, friend) == []


async def test_a_device_is_found_whoever_of_the_two_showed_it_first(loyalty: Loyalty) -> None:
    inviter, friend, other = drivers(3)
    code = await invite(loyalty, inviter, "phone-of-inviter")
    await come(loyalty, friend, code, "shared-telephone")
    assert await flags(loyalty) == []
    await come(loyalty, other, code, "shared-telephone")
    assert [one["friend_id"] for one in await flags(loyalty)] == [other]
    await invite(loyalty, inviter, "shared-telephone")
    assert {one["friend_id"] for one in await flags(loyalty)} == {friend, other}
    hashes = [row["device_hash"] for row in await loyalty.rows("SELECT device_hash FROM devices")]
    assert b"shared-telephone" not in b"".join(hashes)


async def test_so_many_devices_of_a_driver_are_remembered(loyalty: Loyalty) -> None:
    (driver,) = drivers(1)
    await asyncio.gather(*(invite(loyalty, driver, f"device-number-{n}") for n in range(MOST_DEVICES + 3)))
    assert await loyalty.sql("SELECT count(*) FROM devices") == MOST_DEVICES


async def test_one_card_of_inviter_and_friend_is_flagged_at_the_first_order(loyalty: Loyalty) -> None:
    inviter, friend = drivers(2)
    await come(loyalty, friend, await invite(loyalty, inviter))
    card = new_id()
    await fuel(loyalty, inviter, 10, NOW - timedelta(days=9), card_id=card, method="fuel_card")
    order = await fuel(loyalty, friend, 10, LATER, card_id=card, method="fuel_card")
    assert await due(loyalty, order) == (friend, inviter, Verdict.UNDER_REVIEW)
    (flag,) = await flags(loyalty)
    assert (flag["kind"], flag["order_id"]) == ("same_card", str(order))


async def test_more_friends_in_a_day_than_is_usual_are_flagged_one_by_one(loyalty: Loyalty) -> None:
    inviter, *some = drivers(5)
    loyalty.process.settings = loyalty.process.settings.model_copy(update={"flag_friends_a_day": 2})
    code = await invite(loyalty, inviter)
    for friend in some[:3]:
        await come(loyalty, friend, code)
    assert [(one["kind"], one["friend_id"]) for one in await flags(loyalty)] == [("many_friends", some[2])]
    await loyalty.sql("UPDATE referrals SET made_at = made_at - interval '25 hours'")
    await come(loyalty, some[3], code)
    assert len(await flags(loyalty)) == 1


async def test_what_was_decided_stays_and_is_said_with_who_and_why(loyalty: Loyalty) -> None:
    inviter, friend = drivers(2)
    await come(loyalty, friend, await invite(loyalty, inviter, "one-device-for-both"), "one-device-for-both")
    (flag,) = await flags(loyalty)
    note = "canary-note: both live at one address"
    answers = await asyncio.gather(*(decide(loyalty, flag["flag_id"], "clear", note=note) for _ in range(4)))
    first = answers[0].json()
    assert len({(one.json()["decided_at"], one.json()["decided_by"]) for one in answers}) == 1
    assert (first["status"], first["note"]) == ("cleared", note)
    refused = await decide(loyalty, flag["flag_id"], "confirm")
    assert (refused.status_code, refused.json()["type"].split(":")[-1]) == (409, "flag-decided")
    (stored,) = await loyalty.rows("SELECT note, details FROM misuse_flags")
    assert note.encode() not in stored["note"]
    assert await flags(loyalty, status="open") == []
    assert (await flags(loyalty, status="cleared"))[0]["note"] == note


async def test_flags_are_paged_the_newest_first(loyalty: Loyalty) -> None:
    inviter, *some = drivers(4)
    code = await invite(loyalty, inviter, "one-device-for-all")
    for friend in some:
        await come(loyalty, friend, code, "one-device-for-all")
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await loyalty.client.get("/v1/reward-flags", params=query, headers=reviewer(loyalty))).json()
        seen += [one["friend_id"] for one in page["flags"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == some[::-1]


async def test_security_21_only_those_who_review_see_and_decide(loyalty: Loyalty) -> None:
    inviter, friend = drivers(2)
    await come(loyalty, friend, await invite(loyalty, inviter, "one-device-for-both"), "one-device-for-both")
    (flag,) = await flags(loyalty)
    for headers in (loyalty.driver(inviter), loyalty.staff("campaigns:write"), loyalty.machine()):
        listed = await loyalty.client.get("/v1/reward-flags", headers=headers)
        cleared = await loyalty.client.post(f"/v1/reward-flags/{flag['flag_id']}/clear", json={}, headers=headers)
        assert (listed.status_code, cleared.status_code) == (403, 403)
    missing = await decide(loyalty, str(new_id()), "clear")
    assert missing.status_code == 404


async def test_flags_go_with_the_person(loyalty: Loyalty) -> None:
    inviter, friend, account = drivers(3)
    await come(loyalty, friend, await invite(loyalty, inviter, "one-device-for-both"), "one-device-for-both")
    (flag,) = await flags(loyalty)
    await decide(loyalty, flag["flag_id"], "clear", note="canary-note: fine")
    (told,) = (await desk(loyalty).account_of(inviter))["data"]["reward_flags"]
    assert (told["kind"], told["note"]) == ("same_device", "canary-note: fine")
    await merge(loyalty, inviter, account)
    (moved,) = await flags(loyalty)
    assert (moved["driver_id"], moved["status"], moved["note"]) == (account, "cleared", None)
    order = await fuel(loyalty, friend, 10, LATER)
    assert await due(loyalty, order) == (friend, account, Verdict.CLEAR)
    await erase(loyalty, account)
    assert (await flags(loyalty), await loyalty.sql("SELECT count(*) FROM devices")) == ([], 1)


async def test_a_friend_who_is_forgotten_frees_no_reward_and_still_counts(loyalty: Loyalty) -> None:
    inviter, friend, other = drivers(3)
    loyalty.process.settings = loyalty.process.settings.model_copy(update={"flag_friends_a_day": 1})
    await coupon_campaign(loyalty, "invite_friend")
    code = await invite(loyalty, inviter, "one-device-for-both")
    await come(loyalty, friend, code, "one-device-for-both")
    await fuel(loyalty, friend, 10, LATER, station_id=await loyalty.station())
    await rewarded(loyalty)
    assert await loyalty.sql("SELECT status FROM rewards") == "held"
    await erase(loyalty, friend)
    assert await reward_work.settle_held(loyalty.process) == 0, "nobody has decided yet"
    (flag,) = await flags(loyalty)
    assert (flag["kind"], flag["driver_id"], friend in str(flag)) == ("same_device", inviter, False)
    assert [one["stage"] for one in await friends(loyalty, inviter)] == ["under_review"]
    assert friend not in str(await loyalty.rows("SELECT * FROM referrals")) + str(
        await loyalty.rows("SELECT * FROM misuse_flags")
    )
    assert (await decide(loyalty, flag["flag_id"], "clear")).status_code == 200
    await settled(loyalty)
    assert (await loyalty.sql("SELECT status FROM rewards"), await coupons_of(loyalty, inviter)) == ("refused", 0)
    await come(loyalty, other, code)
    assert [one["kind"] for one in await flags(loyalty, status="open")] == ["many_friends"]
