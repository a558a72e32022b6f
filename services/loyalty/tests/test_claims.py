"""Claims: printed codes, codes of friends, campaigns; each gives once, within its limits, whoever races."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loyalty.domain.coupons import Template
from loyalty.repository import coupon_templates
from loyalty.repository import coupons as repository
from schemas.events import CouponIssuedV1
from servicekit.ids import new_id

from .campaign_kit import done, published, simulated
from .conftest import Loyalty
from .coupon_kit import age, code_of, driver, held, issued, redeem, staff, status_of, stored, told
from .gift_kit import gift

CODES = "/coupon-codes"


async def printed(loyalty: Loyalty, one: Template, count: int = 1) -> list[str]:
    """Codes of a template, as they are printed."""
    body = {"count": count, "expires_at": (datetime.now(UTC) + timedelta(days=9)).isoformat()}
    answer = await staff(loyalty, "POST", f"/coupon-templates/{one.template_id}/codes", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["codes"]


async def claim(loyalty: Loyalty, code: str, driver_id: str | None = None) -> tuple[int, Any]:
    """(status, document) of a claim by a code."""
    answer = await driver(loyalty, driver_id or str(new_id()), "POST", CODES, {"code": code})
    return answer.status_code, answer.json()


async def test_a_printed_code_is_a_coupon_once(loyalty: Loyalty):
    one, driver_id = await stored(loyalty), str(new_id())
    first, second = await printed(loyalty, one, 2)
    status, shown = await claim(loyalty, first.lower().replace("-", " "), driver_id)
    assert (status, shown["name"], shown["reason"], shown["status"]) == (201, "canary-twenty", "code", "active")
    for driver_again in (driver_id, None):
        status, refused = await claim(loyalty, first, driver_again)
        assert (status, refused["title"]) == (422, "Code refused")
    assert (await claim(loyalty, second, driver_id))[0] == 201


async def test_the_same_claim_again_gets_the_same_coupon(loyalty: Loyalty):
    one, driver_id = await stored(loyalty), str(new_id())
    (code,) = await printed(loyalty, one)
    headers = loyalty.driver(driver_id) | {"Idempotency-Key": "again"}
    answers = [await loyalty.client.post(f"/v1{CODES}", json={"code": code}, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    without = await loyalty.client.post(f"/v1{CODES}", json={"code": code}, headers=loyalty.driver(driver_id))
    assert (without.status_code, without.json()["title"]) == (400, "Idempotency key missing")


async def test_a_wrong_code_that_is_sent_again_is_no_other_try(loyalty: Loyalty):
    driver_id = str(new_id())
    headers = loyalty.driver(driver_id) | {"Idempotency-Key": "again"}
    titles: list[str] = []
    for code in ["2345-6789-ABCD"] * 3 + ["2345-6789-ABCE"]:
        answer = await loyalty.client.post(f"/v1{CODES}", json={"code": code}, headers=headers)
        assert answer.status_code == 422
        titles.append(answer.json()["title"])
    assert titles == [*["Code refused"] * 3, "Idempotency key reused"]
    assert await loyalty.sql("SELECT wrong FROM code_tries WHERE caller = $1", driver_id) == 1


async def test_security_27_of_many_who_race_for_a_printed_code_one_gets_the_coupon(loyalty: Loyalty):
    (code,) = await printed(loyalty, await stored(loyalty))
    answers = await asyncio.gather(*(claim(loyalty, code) for _ in range(30)))
    assert sorted({status for status, _ in answers}) == [201, 422]
    assert [status for status, _ in answers].count(201) == 1 == await loyalty.sql("SELECT count(*) FROM coupons")


@pytest.mark.parametrize(("fields", "reason"), [({"most_issued": 1}, "used_up"), ({"per_driver": 1}, "enough")])
async def test_a_code_that_gives_nothing_just_now_stays_good(loyalty: Loyalty, fields: dict[str, object], reason: str):
    one, driver_id = await stored(loyalty, **fields), str(new_id())
    codes = await printed(loyalty, one, 2)
    assert (await claim(loyalty, codes[0], driver_id))[0] == 201
    status, refused = await claim(loyalty, codes[1], driver_id)
    assert (status, refused["reason"]) == (409, reason)
    await loyalty.sql("UPDATE coupon_templates SET (most_issued, per_driver) = (2, 2)")
    assert (await claim(loyalty, codes[1], driver_id))[0] == 201


async def test_wrong_codes_are_counted_and_right_ones_do_not_help_whoever_guesses(loyalty: Loyalty):
    (code,), guesser = await printed(loyalty, await stored(loyalty)), str(new_id())
    statuses = [(await claim(loyalty, "ABCD-EFGH-JKLM", guesser))[0] for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    assert (await claim(loyalty, code, guesser))[0] == 429
    assert (await claim(loyalty, code))[0] == 201


async def test_a_friend_claims_what_was_given_and_the_giver_sees_it_gone(loyalty: Loyalty):
    giver, coupon_id = await held(loyalty, transferable=True)
    counter = await code_of(loyalty, giver, coupon_id)
    code, friend = await code_of(loyalty, giver, coupon_id, "transfer"), str(new_id())
    before = (await driver(loyalty, giver, "GET", f"/me/coupons/{coupon_id}")).json()
    status, shown = await claim(loyalty, code, friend)
    assert (status, shown["coupon_id"], shown["reason"]) == (201, str(coupon_id), "transfer")
    assert shown["expires_at"] == before["expires_at"] > before["offered_until"]
    assert (before["may_be_given"], shown["may_be_given"]) == (True, False)
    assert (await driver(loyalty, giver, "GET", f"/me/coupons/{coupon_id}")).status_code == 404
    assert (await redeem(loyalty, counter, await loyalty.station())).status_code == 422
    [(_, _), (_, event)] = await told(loyalty, coupon_id)
    assert isinstance(event, CouponIssuedV1)
    assert (event.driver_id, event.reason, event.version) == (friend, "transfer", 2)
    further = await driver(loyalty, friend, "POST", f"/me/coupons/{coupon_id}/transfer")
    assert (further.status_code, further.json()["title"]) == (409, "Coupon stays")


async def test_a_coupon_is_not_given_to_oneself_nor_beyond_the_limits(loyalty: Loyalty):
    giver, coupon_id = await held(loyalty, transferable=True, per_driver=1)
    code, friend = await code_of(loyalty, giver, coupon_id, "transfer"), str(new_id())
    await loyalty.sql("UPDATE coupon_templates SET per_driver = NULL")
    own = await claim(loyalty, code, giver)
    assert (own[0], own[1]["reason"]) == (409, "own")
    assert (await claim(loyalty, (await printed(loyalty, await the_template(loyalty)))[0], friend))[0] == 201
    await loyalty.sql("UPDATE coupon_templates SET per_driver = 1")
    enough = await claim(loyalty, code, friend)
    assert (enough[0], enough[1]["reason"]) == (409, "enough")
    assert (await claim(loyalty, code))[0] == 201


async def the_template(loyalty: Loyalty) -> Template:
    """The only one that there is."""
    template_id = await loyalty.sql("SELECT template_id FROM coupon_templates")
    found = await loyalty.store.transact(lambda tx: coupon_templates.find(tx, template_id))
    assert found is not None
    return found


async def test_a_giver_may_keep_it_after_all_as_long_as_nobody_claimed_it(loyalty: Loyalty):
    giver, coupon_id = await held(loyalty, transferable=True)
    code = await code_of(loyalty, giver, coupon_id, "transfer")
    kept = await driver(loyalty, giver, "DELETE", f"/me/coupons/{coupon_id}/transfer")
    assert (kept.status_code, (await claim(loyalty, code))[0]) == (204, 422)
    code = await code_of(loyalty, giver, coupon_id, "transfer")
    assert (await claim(loyalty, code))[0] == 201
    assert (await driver(loyalty, giver, "DELETE", f"/me/coupons/{coupon_id}/transfer")).status_code == 404


async def test_what_is_used_or_over_meanwhile_is_not_given(loyalty: Loyalty):
    giver, coupon_id = await held(loyalty, transferable=True)
    code = await code_of(loyalty, giver, coupon_id, "transfer")
    await loyalty.store.transact(lambda tx: repository.reserve(tx, giver, [coupon_id], new_id()))
    status, refused = await claim(loyalty, code)
    assert (status, refused["reason"]) == (409, "gone")
    other_giver, over = await held(loyalty, transferable=True)
    late = await code_of(loyalty, other_giver, over, "transfer")
    await age(loyalty, over)
    assert (await claim(loyalty, late))[0] == 422
    assert (await driver(loyalty, other_giver, "POST", f"/me/coupons/{over}/transfer")).status_code == 409


async def test_a_coupon_for_one_alone_is_not_given(loyalty: Loyalty):
    giver, coupon_id = await held(loyalty)
    answer = await driver(loyalty, giver, "POST", f"/me/coupons/{coupon_id}/transfer")
    assert (answer.status_code, answer.json()["title"]) == (409, "Coupon stays")
    stranger = await driver(loyalty, str(new_id()), "POST", f"/me/coupons/{coupon_id}/transfer")
    assert stranger.status_code == 404


async def offered(loyalty: Loyalty, **fields: Any) -> str:
    """The id of a campaign that gives a coupon to whoever claims it."""
    coupon = {"kind": "coupon", "template_id": str((await stored(loyalty)).template_id), "trigger": "claim"}
    return (await published(loyalty, **{"benefit": coupon} | fields))["campaign_id"]


async def take(loyalty: Loyalty, campaign_id: str, driver_id: str | None = None) -> tuple[int, Any]:
    """(status, document) of a claim from a campaign."""
    answer = await driver(loyalty, driver_id or str(new_id()), "POST", f"/campaigns/{campaign_id}/claims")
    return answer.status_code, answer.json()


async def test_a_campaign_s_coupon_is_claimed_once_where_it_does_not_say_more(loyalty: Loyalty):
    campaign_id, driver_id = await offered(loyalty), str(new_id())
    status, got = await take(loyalty, campaign_id, driver_id)
    assert (status, got["gift_order_id"]) == (201, None)
    shown = (await driver(loyalty, driver_id, "GET", f"/me/coupons/{got['coupon_id']}")).json()
    assert (shown["campaign_id"], shown["reason"]) == (campaign_id, "claim")
    again = await take(loyalty, campaign_id, driver_id)
    assert (again[0], again[1]["reason"]) == (409, "claimed")


async def test_security_27_of_many_who_race_for_what_a_campaign_gives_as_many_get_it_as_there_are(loyalty: Loyalty):
    campaign_id, eager = await offered(loyalty, most_uses=3, uses_per_driver=2), str(new_id())
    answers = await asyncio.gather(
        *(take(loyalty, campaign_id, eager) for _ in range(10)), *(take(loyalty, campaign_id) for _ in range(20))
    )
    assert [status for status, _ in answers].count(201) == 3 == await loyalty.sql("SELECT count(*) FROM coupons")
    refused = {got["reason"] for status, got in answers if status != 201}
    assert refused <= {"used_up", "claimed", "ended"}  # it ends by itself once it is used up
    assert await loyalty.sql("SELECT count(*) FROM coupons WHERE driver_id = $1", eager) <= 2
    assert await loyalty.sql("SELECT uses FROM campaign_use") == 3


async def test_a_campaign_s_gift_is_claimed_too(loyalty: Loyalty):
    reward = {"kind": "gift", "gift_id": str(await gift(loyalty, stock=1)), "trigger": "claim"}
    campaign_id = await offered(loyalty, benefit=reward)
    status, got = await take(loyalty, campaign_id)
    assert (status, got["coupon_id"]) == (201, None)
    status, refused = await take(loyalty, campaign_id)
    assert (status, refused["reason"]) == (409, "used_up")


async def test_what_is_not_out_or_not_for_one_is_not_claimed(loyalty: Loyalty):
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    live = await published(loyalty)
    assert [
        (await take(loyalty, str(new_id())))[0],
        (await take(loyalty, (await simulated(loyalty))["campaign_id"]))[0],
    ] == [404, 404]  # fmt: skip
    refused = [
        await take(loyalty, live["campaign_id"]), await take(loyalty, await offered(loyalty, starts_at=later)),
        await take(loyalty, await offered(loyalty, scope={"tiers": ["gold"]})),
    ]  # fmt: skip
    campaign_id = await offered(loyalty)
    await done(loyalty, {"campaign_id": campaign_id}, "end", reason="no more")
    refused.append(await take(loyalty, campaign_id))
    assert [(status, got["reason"]) for status, got in refused] == [
        (409, "not_claimable"), (409, "not_yet"), (409, "tier"), (409, "ended"),
    ]  # fmt: skip


async def test_a_stopped_template_gives_nothing_and_takes_nothing_of_the_campaign(loyalty: Loyalty):
    campaign_id, driver_id = await offered(loyalty), str(new_id())
    await loyalty.sql("UPDATE coupon_templates SET stopped_at = now()")
    status, refused = await take(loyalty, campaign_id, driver_id)
    assert (status, refused["reason"]) == (409, "ended")
    await loyalty.sql("UPDATE coupon_templates SET stopped_at = NULL")
    assert (await take(loyalty, campaign_id, driver_id))[0] == 201


async def test_a_person_who_is_gone_claims_nothing(loyalty: Loyalty):
    (code,), gone = await printed(loyalty, await stored(loyalty)), str(new_id())
    await loyalty.sql("INSERT INTO erasures (subject, erased_at, erased) VALUES ($1, now(), '{}')", gone)
    campaign_id = await offered(loyalty)
    assert [(await claim(loyalty, code, gone))[0], (await take(loyalty, campaign_id, gone))[0]] == [401, 401]
    assert (await claim(loyalty, code))[0] == 201


async def test_a_coupon_used_by_its_giver_is_not_the_friend_s(loyalty: Loyalty):
    giver, coupon_id = await held(loyalty, transferable=True)
    code = await code_of(loyalty, giver, coupon_id, "transfer")
    taken = await redeem(loyalty, await code_of(loyalty, giver, coupon_id), await loyalty.station())
    assert taken.status_code == 200
    assert (await claim(loyalty, code))[1]["reason"] == "gone"
    assert await status_of(loyalty, coupon_id) == "redeemed"
    assert await issued(loyalty, await the_template(loyalty), giver)
