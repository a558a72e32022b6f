"""Reservations: all or nothing is set aside, once, for one order at a time, and given back however the payment ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loyalty.domain.terms import PerFill, PerLitre, Scope, Stacking
from loyalty.repository import campaign_use, coupons
from loyalty.repository import reservations as repository
from loyalty.use_cases import points
from schemas.reservations import PATH
from servicekit.ids import new_id

from .conftest import Loyalty
from .quote_kit import campaign, coupon_of
from .reservation_kit import GROSS, Payer, coupon_is, expire, off, status_of, used

STACKS = Stacking("coupon", priority=50)


@pytest.fixture
async def payer(loyalty: Loyalty) -> Payer:
    return await Payer.at_a_station(loyalty)


async def test_all_is_set_aside_and_named(loyalty: Loyalty, payer: Payer) -> None:
    await payer.award(1_000)
    coupon_id = await coupon_of(loyalty, payer.driver_id, PerFill(2_000), stacking=STACKS)
    campaign_id = await campaign(loyalty, PerLitre(100), budget_minor=10_000)
    reserved = await payer.reserved(coupon_ids=[coupon_id], points=700)
    assert [(part["kind"], part["amount_minor"], part["points"]) for part in reserved["breakdown"]] == [
        ("coupon", 2_000, None), ("campaign", 400, None), ("points", 700, 700)
    ]  # fmt: skip
    assert await used(loyalty, campaign_id) == (400, 1)
    assert await coupon_is(loyalty, coupon_id) == "reserved"
    assert await payer.spendable() == 300
    expires_in = datetime.fromisoformat(reserved["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=800) < expires_in <= timedelta(seconds=loyalty.settings.reserve_seconds)


async def test_campaigns_hold_for_who_asks_for_nothing(loyalty: Loyalty, payer: Payer) -> None:
    assert (await payer.reserved())["breakdown"] == []
    assert await loyalty.sql("SELECT count(*) FROM reservations") == 0
    await campaign(loyalty, PerFill(500), scope=Scope(methods=("alipay",)))
    assert off(await payer.reserved()) == 0
    assert off(await payer.reserved(method="alipay")) == 500
    card_only = await campaign(loyalty, PerFill(300), scope=Scope(methods=("fuel_card",)))
    (part,) = (await payer.reserved(method="fuel_card"))["breakdown"]
    assert (part["kind"], part["reference"]) == ("card_discount", str(card_only))
    assert await used(loyalty, card_only) == (300, 1)


async def test_the_same_again_gets_the_same_and_nothing_more(loyalty: Loyalty, payer: Payer) -> None:
    campaign_id = await campaign(loyalty)
    reserved = await payer.reserved()
    same = {"reservation_id": reserved["reservation_id"], "order_id": reserved["order_id"]}
    answers = await asyncio.gather(*(payer.ask(**same) for _ in range(5)))
    assert {answer.json()["expires_at"] for answer in answers} == {reserved["expires_at"]}
    other = await payer.ask(**same, gross_minor=GROSS + 1)
    assert (other.status_code, other.json()["type"]) == (422, "urn:forecourt:problem:reservation-id-reused")
    assert await used(loyalty, campaign_id) == (300, 1)
    await payer.release(reserved["reservation_id"])
    over = await payer.ask(**same)
    assert (over.status_code, over.json()["type"]) == (409, "urn:forecourt:problem:reservation-over")


async def test_only_the_driver_reserves_and_releases_what_is_the_drivers(loyalty: Loyalty, payer: Payer) -> None:
    stranger = Payer(loyalty, payer.station_id)
    coupon_id = await coupon_of(loyalty, payer.driver_id)
    reserved = await payer.reserved(coupon_ids=[coupon_id])
    assert (await stranger.ask(driver_id=payer.driver_id)).status_code == 403
    assert (await stranger.ask(order_id=reserved["order_id"])).json()["type"].endswith("not-your-order")
    assert (await stranger.ask(coupon_ids=[coupon_id])).json()["refusals"][0]["reason"] == "unknown"
    taken = await stranger.ask(reservation_id=reserved["reservation_id"])
    assert (taken.status_code, taken.json()["type"]) == (422, "urn:forecourt:problem:reservation-id-reused")
    await stranger.release(reserved["reservation_id"])
    assert await status_of(loyalty, reserved) == "held"
    client, body = loyalty.client, payer.body()
    assert (await client.post(PATH, json=body)).status_code == 401
    assert (await client.post(PATH, json=body, headers=loyalty.machine())).status_code == 403
    assert (await client.post(f"{PATH}/{new_id()}/release", headers=loyalty.machine())).status_code == 403


async def test_all_that_cannot_be_spent_is_named_and_nothing_is_set_aside(loyalty: Loyalty, payer: Payer) -> None:
    await payer.award(120)
    campaign_id = await campaign(loyalty)
    driver_id = payer.driver_id
    good = await coupon_of(loyalty, driver_id)
    ended = await coupon_of(loyalty, driver_id, days=-1)
    elsewhere = await coupon_of(loyalty, driver_id, operator="other-operator")
    elsewhere_too = await coupon_of(loyalty, driver_id, scope=Scope(fuels=("diesel",)))
    aside = await coupon_of(loyalty, driver_id, stacking=Stacking("other"))
    await payer.reserved(coupon_ids=[aside])
    asked = [good, ended, elsewhere, elsewhere_too, aside, "nothing", new_id()]
    reply = await payer.ask(coupon_ids=asked, points=500)
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:forecourt:problem:reservation-refused")
    reasons = {one["what"]: one["reason"] for one in reply.json()["refusals"]}
    assert reasons == {
        str(ended): "expired", str(elsewhere): "operator", str(elsewhere_too): "grade", str(aside): "reserved",
        "nothing": "unknown", str(asked[-1]): "unknown", "points": "too_few",
    }  # fmt: skip
    assert (await coupon_is(loyalty, good), await payer.spendable()) == ("active", 120)
    assert await used(loyalty, campaign_id) == (300, 1)


async def test_coupons_that_do_not_go_together_are_refused_together(loyalty: Loyalty, payer: Payer) -> None:
    both = [await coupon_of(loyalty, payer.driver_id) for _ in range(2)]
    reply = await payer.ask(coupon_ids=both)
    assert {one["what"]: one["reason"] for one in reply.json()["refusals"]} == dict.fromkeys(
        map(str, both), "not_together"
    )
    assert (await payer.ask(coupon_ids=[both[0], both[0]])).status_code == 200


async def test_a_later_reservation_of_an_order_takes_the_place_of_the_one_before(
    loyalty: Loyalty, payer: Payer
) -> None:  # fmt: skip
    await payer.award(500)
    coupon_id = await coupon_of(loyalty, payer.driver_id, stacking=STACKS)
    campaign_id = await campaign(loyalty, PerFill(300), budget_minor=300, most_uses=1, uses_per_driver=1)
    first = await payer.reserved(coupon_ids=[coupon_id], points=500)
    second = await payer.reserved(order_id=first["order_id"], coupon_ids=[coupon_id], points=400)
    assert off(second) == 300 + 500 + 400
    assert (await status_of(loyalty, first), await status_of(loyalty, second)) == ("replaced", "held")
    assert (await used(loyalty, campaign_id), await payer.spendable()) == ((300, 1), 100)
    third = await payer.reserved(order_id=first["order_id"], method="alipay", gross_minor=100, volume_ml=127)
    assert (off(third), await used(loyalty, campaign_id)) == (100, (100, 1))
    assert (await coupon_is(loyalty, coupon_id), await payer.spendable()) == ("active", 500)
    await payer.release(second["reservation_id"])
    assert await status_of(loyalty, third) == "held"
    refused = await payer.ask(order_id=first["order_id"], points=501)
    assert (refused.status_code, await status_of(loyalty, third)) == (409, "held")
    await loyalty.sql("UPDATE campaigns SET status = 'paused'")
    await loyalty.process.campaigns.read()  # nothing holds here any more, and still something has to make way
    assert off(await payer.reserved(order_id=first["order_id"])) == 0
    assert (await status_of(loyalty, third), await used(loyalty, campaign_id)) == ("replaced", (0, 0))


async def test_a_campaign_gives_no_more_than_it_may(loyalty: Loyalty, payer: Payer) -> None:
    other = Payer(loyalty, payer.station_id)
    budget = await campaign(loyalty, PerFill(300), budget_minor=500)
    assert [off(await one.reserved()) for one in (payer, other, payer)] == [300, 200, 0]
    assert await used(loyalty, budget) == (500, 2)
    await loyalty.sql("DELETE FROM campaign_use")
    await loyalty.sql("DELETE FROM campaign_drivers")
    await loyalty.sql("UPDATE campaigns SET (budget_minor, uses_per_driver, most_uses) = (NULL, 1, 2)")
    await loyalty.process.campaigns.read()
    third = Payer(loyalty, payer.station_id)
    assert [off(await one.reserved()) for one in (payer, payer, other, third)] == [300, 0, 300, 0]


async def test_a_stopped_campaign_gives_nothing_though_this_process_has_not_heard(
    loyalty: Loyalty, payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next best takes its place."""
    best = await campaign(loyalty, PerFill(900))
    await campaign(loyalty, PerFill(200))
    known = loyalty.process.campaigns.of("test-operator")
    monkeypatch.setattr(loyalty.process.campaigns, "of", lambda _: known)
    await loyalty.sql("UPDATE campaigns SET status = 'paused' WHERE campaign_id = $1", best)
    assert off(await payer.reserved()) == 200
    assert await used(loyalty, best) == (0, 0)


async def test_what_is_released_or_expires_is_free_again_once(loyalty: Loyalty, payer: Payer) -> None:
    await payer.award(500)
    coupon_id = await coupon_of(loyalty, payer.driver_id, stacking=STACKS)
    campaign_id = await campaign(loyalty)
    for end in ("released", "expired"):
        reserved = await payer.reserved(coupon_ids=[coupon_id], points=500)
        for _ in range(2):
            if end == "released":
                await payer.release(reserved["reservation_id"])
            else:
                await asyncio.gather(*(expire(loyalty) for _ in range(3)))
        assert await status_of(loyalty, reserved) == end
        assert await coupon_is(loyalty, coupon_id) == "active"
        assert (await used(loyalty, campaign_id), await payer.spendable()) == ((0, 0), 500)
    await payer.release(str(new_id()))


async def test_what_is_held_has_not_expired(loyalty: Loyalty, payer: Payer) -> None:
    await campaign(loyalty)
    reserved = await payer.reserved()
    await loyalty.sql("UPDATE reservations SET expires_at = now() + interval '1 s'")
    assert await status_of(loyalty, reserved) == "held"


async def test_points_need_a_currency_that_they_are_worth_something_in(loyalty: Loyalty, payer: Payer) -> None:
    await payer.award(500)
    reply = await payer.ask(points=10, currency="CHF")
    assert reply.json()["refusals"] == [{
        "what": "points", "reason": "no_points_here", "detail": "Points cannot be spent on amounts in CHF."
    }]  # fmt: skip
    assert off(await payer.reserved(points=500, gross_minor=30, volume_ml=38)) == 30
    assert await payer.spendable() == 470


async def test_a_station_that_is_not_known_yet_is_no_reason_to_guess(loyalty: Loyalty) -> None:
    at_it = Payer(loyalty, new_id())
    assert off(await at_it.reserved()) == 0, "where nothing can be taken off it need not be known"
    await campaign(loyalty)
    assert (await at_it.ask()).status_code == 503


STEPS = [
    (repository, "insert"), (coupons, "reserve"), (points, "hold"), (campaign_use, "take"),
    (repository, "settle"), (campaign_use, "give_back"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), STEPS, ids=[f"{one[0].__name__}.{one[1]}" for one in STEPS])
async def test_whoever_dies_at_any_step_leaves_all_as_it_was(
    loyalty: Loyalty, payer: Payer, module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the step, too: only the transaction counts."""
    await payer.award(500)
    coupon_id = await coupon_of(loyalty, payer.driver_id, stacking=STACKS)
    campaign_id = await campaign(loyalty, PerFill(300), budget_minor=300)
    first = await payer.reserved(coupon_ids=[coupon_id], points=500)
    original = getattr(module, name)

    async def fails(*arguments: Any, **options: Any) -> Any:
        await original(*arguments, **options)
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(module, name, fails)
        again = {"order_id": first["order_id"], "coupon_ids": [coupon_id], "points": 400}
        assert (await payer.ask(**again)).status_code == 500
    assert await status_of(loyalty, first) == "held"
    assert (await coupon_is(loyalty, coupon_id), await payer.spendable()) == ("reserved", 0)
    assert (await used(loyalty, campaign_id), await loyalty.sql("SELECT count(*) FROM reservations")) == ((300, 1), 1)
    assert off(await payer.reserved(**again)) == 300 + 500 + 400
