"""Coupons: issued once, within their limits, used once, given away once, over in time; whatever comes at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from loyalty.domain.terms import AtCounter, Percentage, Scope
from loyalty.repository import coupons as repository
from loyalty.use_cases import coupon_work, coupons
from schemas.events import CouponExpiredV1, CouponIssuedV1, CouponRedeemedV1
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import OPERATOR, Loyalty
from .coupon_kit import age, code_of, driver, held, issued, redeem, status_of, stored, told

RACES = 1_000


async def test_a_coupon_is_issued_once_for_a_reason_and_told(loyalty: Loyalty):
    one, driver_id = await stored(loyalty), str(new_id())
    first, second = await issued(loyalty, one, driver_id, "why"), await issued(loyalty, one, driver_id, "why")
    assert first is not None
    assert first == second
    assert await loyalty.sql("SELECT issued FROM coupon_templates") == 1
    [(_, event)] = await told(loyalty, first)
    assert isinstance(event, CouponIssuedV1)
    assert (event.driver_id, event.template_id, event.version) == (driver_id, one.template_id, 1)
    assert (event.reason, event.operator, event.expires_at - event.occurred_at) == (
        "claim", OPERATOR, timedelta(days=30)
    )  # fmt: skip


async def test_a_coupon_ends_with_its_template(loyalty: Loyalty):
    at = datetime.now(UTC)
    one = await stored(loyalty, ends_at=at + timedelta(days=3))
    coupon_id = await issued(loyalty, one, str(new_id()), at=at)
    assert await loyalty.sql("SELECT expires_at FROM coupons WHERE coupon_id = $1", coupon_id) == one.ends_at


@pytest.mark.parametrize("fields", [{"stopped_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"per_driver": 2},
                                    {"ends_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"most_issued": 2}])  # fmt: skip
async def test_nothing_is_issued_beyond_what_the_template_allows(loyalty: Loyalty, fields: dict[str, object]):
    one, driver_id = await stored(loyalty, **fields), str(new_id())
    got = [await issued(loyalty, one, driver_id) for _ in range(3)]
    assert [it is not None for it in got] == ([True, True, False] if len({*fields} & {"per_driver", "most_issued"})
                                              else [False] * 3)  # fmt: skip
    assert await loyalty.sql("SELECT issued FROM coupon_templates") == 3 - got.count(None)


async def test_security_27_of_a_thousand_who_race_for_the_last_coupon_one_gets_it(loyalty: Loyalty):
    one = await stored(loyalty, most_issued=1)
    got = await asyncio.gather(*(issued(loyalty, one, str(new_id())) for _ in range(RACES)))
    assert RACES - got.count(None) == 1
    assert await loyalty.sql("SELECT count(*) FROM coupons") == 1


async def test_security_27_a_driver_who_asks_many_times_at_once_gets_as_many_as_one_may(loyalty: Loyalty):
    one, driver_id = await stored(loyalty, per_driver=2), str(new_id())
    got = await asyncio.gather(*(issued(loyalty, one, driver_id) for _ in range(50)))
    assert 50 - got.count(None) == 2 == await loyalty.sql("SELECT issued FROM coupon_templates")


async def test_security_27_a_coupon_that_is_used_everywhere_at_once_is_used_once(loyalty: Loyalty):
    driver_id, coupon_id = await held(loyalty, transferable=True)
    station_id, friend = await loyalty.station(), str(new_id())
    code, gift = await code_of(loyalty, driver_id, coupon_id), await code_of(loyalty, driver_id, coupon_id, "transfer")

    async def reserve(_: int) -> bool:
        got = await loyalty.store.transact(lambda tx: repository.reserve(tx, driver_id, [coupon_id], new_id()))
        return got == {coupon_id}

    async def take(_: int) -> bool:
        return (await redeem(loyalty, code, station_id, sub=str(new_id()))).status_code == 200

    async def claim(_: int) -> bool:
        return (await driver(loyalty, friend, "POST", "/coupon-codes", {"code": gift})).status_code == 201

    ways = [reserve, take, claim]
    answers = await asyncio.gather(*(ways[number % 3](number) for number in range(30)))
    # What was given to a friend by then may be used by nobody here; what was used is given to nobody.
    assert answers.count(True) == 1
    assert await loyalty.sql("SELECT version FROM coupons") == 2


async def test_a_reserved_coupon_is_free_again_or_used_on_the_order(loyalty: Loyalty):
    driver_id, coupon_id = await held(loyalty)
    order_id, station_id, at = new_id(), new_id(), datetime.now(UTC)
    first, second = new_id(), new_id()

    async def use(tx: Connection) -> set[tuple[UUID, UUID]]:
        redemption = repository.Redemption(second, order_id, station_id, {coupon_id: 1_950}, "CNY", at)
        return await repository.redeem_reserved(tx, [redemption])

    assert await loyalty.store.transact(lambda tx: repository.reserve(tx, driver_id, [coupon_id], first)) == {coupon_id}
    assert await loyalty.store.transact(lambda tx: repository.reserve(tx, driver_id, [coupon_id], second)) == set()
    assert await loyalty.store.transact(lambda tx: repository.release(tx, [first])) == 1
    assert await loyalty.store.transact(lambda tx: repository.release(tx, [first])) == 0
    assert await loyalty.store.transact(
        lambda tx: repository.reserve(tx, driver_id, [coupon_id], second)
    ) == {coupon_id}  # fmt: skip
    assert [await loyalty.store.transact(use) for _ in range(2)] == [{(second, coupon_id)}, set()]
    [_, (_, event)] = await told(loyalty, coupon_id)
    assert isinstance(event, CouponRedeemedV1)
    assert (event.order_id, event.station_id, event.amount_minor, event.version) == (order_id, station_id, 1_950, 5)


async def test_nobody_reserves_what_is_another_s_or_over(loyalty: Loyalty):
    driver_id, coupon_id = await held(loyalty)
    _, other_s = await held(loyalty)

    async def reserve(one: UUID, *, too_late: bool = False) -> set[UUID]:
        return await loyalty.store.transact(
            lambda tx: repository.reserve(tx, driver_id, [one], new_id(), too_late=too_late)
        )  # fmt: skip

    assert await reserve(other_s) == set()
    await age(loyalty, coupon_id)
    assert await reserve(coupon_id) == set()
    assert await reserve(coupon_id, too_late=True) == {coupon_id}


async def test_a_coupon_expires_once_in_its_time_and_a_reserved_one_after_its_release(loyalty: Loyalty):
    (_, gone), (owner, kept), (_, young) = await held(loyalty), await held(loyalty), await held(loyalty)
    reservation_id = new_id()
    await loyalty.store.transact(lambda tx: repository.reserve(tx, owner, [kept], reservation_id))
    for one in (gone, kept):
        await age(loyalty, one)
    await asyncio.gather(coupon_work.expire(loyalty.process), coupon_work.expire(loyalty.process))
    assert [await status_of(loyalty, one) for one in (gone, kept, young)] == ["expired", "reserved", "active"]
    await loyalty.store.transact(lambda tx: repository.release(tx, [reservation_id]))
    await coupon_work.expire(loyalty.process)
    assert await status_of(loyalty, kept) == "expired"
    for one in (gone, kept):
        [_, (_, event)] = await told(loyalty, one)
        assert isinstance(event, CouponExpiredV1)


async def test_a_driver_sees_coupons_in_words_and_nobody_else_s(loyalty: Loyalty):
    driver_id, coupon_id = await held(
        loyalty, benefit=Percentage(550, 2_000), scope=Scope(minimum_minor=20_000, fuels=("petrol_95",))
    )  # fmt: skip
    answer = await driver(loyalty, driver_id, "GET", f"/me/coupons/{coupon_id}")
    shown = answer.json()
    assert shown["gives"]["en"] == "5.5 % off, at most 20.00 CNY"
    assert "5.5" in shown["gives"]["zh"]
    assert shown["conditions"][0]["en"] == "from 200.00 CNY on"
    assert shown["scope"]["fuels"] == ["petrol_95"]
    assert (shown["status"], shown["name"], shown["may_be_given"]) == ("active", "canary-twenty", False)
    stranger = await driver(loyalty, str(new_id()), "GET", f"/me/coupons/{coupon_id}")
    assert (stranger.status_code, stranger.json()["title"]) == (404, "No such coupon")


async def test_a_driver_lists_coupons_by_what_became_of_them_page_by_page(loyalty: Loyalty):
    one, driver_id = await stored(loyalty), str(new_id())
    ids = [await issued(loyalty, one, driver_id) for _ in range(3)]
    await held(loyalty)
    assert ids[0]
    await age(loyalty, ids[0])

    async def page(query: str) -> dict[str, object]:
        return (await driver(loyalty, driver_id, "GET", f"/me/coupons?{query}")).json()

    def listed(found: dict[str, object]) -> list[str]:
        return [it["coupon_id"] for it in found["coupons"]]  # pyright: ignore[reportIndexIssue, reportGeneralTypeIssues, reportUnknownVariableType]

    first = await page("limit=2")
    rest = await page(f"limit=2&cursor={first['next_cursor']}")
    assert listed(first) + listed(rest) == [str(it) for it in reversed(ids)]
    assert rest["next_cursor"] is None
    assert listed(await page("status=expired")) == [str(ids[0])]  # also before anybody wrote that down
    assert listed(await page("status=active")) == [str(ids[2]), str(ids[1])]


async def test_the_crew_takes_a_coupon_by_its_code_once(loyalty: Loyalty):
    driver_id, coupon_id = await held(loyalty)
    station_id = await loyalty.station()
    code = await code_of(loyalty, driver_id, coupon_id)
    first = await redeem(loyalty, code, station_id, key="once", sub="the-same")
    again = await redeem(loyalty, code.lower(), station_id, key="once", sub="the-same")
    other = await redeem(loyalty, code, station_id)
    assert (first.status_code, first.json()["amount_minor"], first.json()["currency"]) == (200, 2_000, "CNY")
    assert again.json() == first.json()
    assert (other.status_code, other.json()["title"]) == (422, "Code refused")
    assert await status_of(loyalty, coupon_id) == "redeemed"
    [_, (_, event)] = await told(loyalty, coupon_id)
    assert isinstance(event, CouponRedeemedV1)
    assert (event.station_id, event.order_id, event.amount_minor) == (station_id, None, 2_000)
    assert (await driver(loyalty, driver_id, "POST", f"/me/coupons/{coupon_id}/code")).status_code == 409


async def test_a_coupon_for_a_thing_needs_no_sale_and_takes_nothing_off(loyalty: Loyalty):
    driver_id, coupon_id = await held(loyalty, benefit=AtCounter(), currency=None)
    station_id, code = await loyalty.station(), await code_of(loyalty, driver_id, coupon_id)
    answer = await redeem(loyalty, code, station_id, sale=None)
    assert (answer.status_code, answer.json()["amount_minor"]) == (200, 0)


@pytest.mark.parametrize(
    ("fields", "sale", "reason"),
    [
        ({}, None, "sale_unknown"),
        ({"scope": Scope(fuels=("diesel_b0",))}, "a fill", "grade"),
        ({"scope": Scope(minimum_minor=30_000)}, "a fill", "minimum_amount"),
        ({"scope": Scope(tiers=("gold",))}, "a fill", "tier"),
        ({"scope": Scope(methods=("wechat",))}, "a fill", "method"),
        ({"operator": "another"}, "a fill", "operator"),
        ({"currency": "EUR"}, "a fill", "currency"),
        ({"benefit": AtCounter(), "currency": None, "scope": Scope(fuels=("petrol_95",))}, None, "grade"),
        ({"benefit": AtCounter(), "currency": None, "operator": "another"}, None, "operator"),
    ],
)
async def test_a_coupon_that_does_not_hold_stays_and_its_code_too(
    loyalty: Loyalty, fields: dict[str, object], sale: object, reason: str
):
    driver_id, coupon_id = await held(loyalty, **fields)
    station_id, code = await loyalty.station(), await code_of(loyalty, driver_id, coupon_id)
    for _ in range(2):
        answer = await redeem(loyalty, code, station_id, sale=sale)
        assert (answer.status_code, answer.json()["reason"]) == (409, reason), answer.text
    assert await status_of(loyalty, coupon_id) == "active"


async def test_the_crew_takes_coupons_at_its_own_stations_alone(loyalty: Loyalty):
    driver_id, coupon_id = await held(loyalty)
    code = await code_of(loyalty, driver_id, coupon_id)
    foreign = await loyalty.station(operator="another")
    for station_id in (foreign, new_id()):
        answer = await redeem(loyalty, code, station_id)
        assert (answer.status_code, answer.json()["title"]) == (404, "No such station")
    assert await status_of(loyalty, coupon_id) == "active"


async def test_a_coupon_that_is_set_aside_is_not_taken_at_the_counter(loyalty: Loyalty):
    driver_id, coupon_id = await held(loyalty)
    station_id, code = await loyalty.station(), await code_of(loyalty, driver_id, coupon_id)
    await loyalty.store.transact(lambda tx: repository.reserve(tx, driver_id, [coupon_id], new_id()))
    answer = await redeem(loyalty, code, station_id)
    assert (answer.status_code, answer.json()["reason"]) == (409, "reserved")


async def test_whoever_guesses_at_the_counter_is_stopped_and_told_when_to_go_on(loyalty: Loyalty):
    station_id, guesser = await loyalty.station(), str(new_id())
    answers = [await redeem(loyalty, "ABCD-EFGH-JKLM", station_id, sub=guesser) for _ in range(11)]
    assert [one.status_code for one in answers] == [422] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


async def test_taking_a_coupon_needs_an_idempotency_key(loyalty: Loyalty):
    body = {"station_id": str(await loyalty.station())}
    headers = loyalty.staff("rewards:redeem", role="attendant")
    answer = await loyalty.client.post("/v1/coupons/ABCD-EFGH-JKLM/redeem", json=body, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (400, "Idempotency key missing")


async def test_an_erased_driver_s_coupons_are_for_nobody(loyalty: Loyalty):
    driver_id, coupon_id = await held(loyalty, transferable=True)
    code = await code_of(loyalty, driver_id, coupon_id, "transfer")
    erased = await loyalty.store.transact(lambda tx: coupons.erase(loyalty.process, tx, driver_id))
    assert erased == 1
    assert await status_of(loyalty, coupon_id) == "cancelled"
    answer = await driver(loyalty, str(new_id()), "POST", "/coupon-codes", {"code": code})
    assert answer.status_code == 422


async def test_merged_accounts_have_their_coupons_together_and_their_limits(loyalty: Loyalty):
    one, old, new = await stored(loyalty, per_driver=1), str(new_id()), str(new_id())
    coupon_id = await issued(loyalty, one, old)
    await loyalty.store.transact(lambda tx: coupons.move(loyalty.process, tx, old, new))
    assert await loyalty.sql("SELECT driver_id FROM coupons WHERE coupon_id = $1", coupon_id) == new
    assert await issued(loyalty, one, new) is None
    async with loyalty.store.connection() as connection:
        [told_of] = await coupons.collect(loyalty.process, connection, new)
    assert (told_of["coupon_id"], told_of["name"], told_of["status"]) == (coupon_id, "canary-twenty", "active")
