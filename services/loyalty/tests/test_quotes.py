"""Quotes over HTTP, on the real database."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from loyalty.domain.terms import AtCounter, Percentage, PerFill, PointsMultiplier, PriceLock, Scope, Stacking
from loyalty.http_models.quotes import Quote
from loyalty.use_cases.live_campaigns import LiveCampaigns
from servicekit.ids import new_id

from .conftest import Loyalty
from .quote_kit import campaign, coupon_of, statements

FUEL = "petrol_95"


@pytest.fixture
async def station(loyalty: Loyalty) -> UUID:
    """A station that sells at 7.85; 40 litres are 314.00. Nobody remembers the campaigns of the test before."""
    await loyalty.process.campaigns.read()
    return await loyalty.station(7_850)


async def ask(loyalty: Loyalty, station: UUID, driver_id: object = None, status: int = 200, **wish: Any) -> Any:
    asked = {"station_id": str(station), "fuel": FUEL} | ({"volume_ml": 40_000} if "amount_minor" not in wish else {})
    body = {name: value for name, value in (asked | wish).items() if value is not ...}
    reply = await loyalty.client.post("/v1/quotes", json=body, headers=loyalty.driver(str(driver_id or new_id())))
    assert reply.status_code == status, reply.text
    if status == 200:
        assert set(Quote.model_validate_json(reply.text).model_dump()) == set(reply.json())  # as the document says
    return reply.json()


def parts(quote: Any) -> list[tuple[str, int]]:
    return [(part["kind"], part["amount_minor"]) for part in quote["breakdown"]]


def reasons(quote: Any) -> dict[str, str]:
    return {one["what"]: one["reason"] for one in quote["unused"]}


async def give_points(loyalty: Loyalty, driver_id: str, points: int) -> None:
    await loyalty.sql(
        "INSERT INTO lots (lot_id, driver_id, remaining, expires_at) VALUES ($1, $2, $3, now() + interval '1 year')",
        new_id(), driver_id, points,
    )  # fmt: skip


async def test_a_driver_whom_nobody_knows_gets_the_pump_price(loyalty: Loyalty, station: UUID):
    quote = await ask(loyalty, station)
    assert (quote["price_mills"], quote["price_version"], quote["gross_minor"]) == (7_850, 1, 31_400)
    assert (quote["paid_minor"], quote["breakdown"], quote["unused"], quote["best_coupon"]) == (31_400, [], [], None)
    assert quote["points"] == {
        "available": 0, "per_minor": 1, "spent": 0, "earned": 314, "tier": "member", "tier_basis_points": 10_000,
        "multiplier_basis_points": 10_000, "multiplied_by": [],
    }  # fmt: skip
    assert [(one["method"], one["less_minor"]) for one in quote["methods"]] == [
        ("wechat", 0), ("alipay", 0), ("fuel_card", 0),
    ]  # fmt: skip
    assert 0 <= quote["price_age_seconds"] < 60
    assert datetime.fromisoformat(quote["valid_until"]) > datetime.fromisoformat(quote["quoted_at"])


async def test_an_amount_buys_the_volume_that_it_does_at_the_pump(loyalty: Loyalty, station: UUID):
    quote = await ask(loyalty, station, amount_minor=20_000)
    assert (quote["volume_ml"], quote["gross_minor"]) == (25_478, 20_000)
    await ask(loyalty, station, amount_minor=..., status=422, volume_ml=0)


async def test_discounts_points_and_earnings_add_up(loyalty: Loyalty, station: UUID):
    driver_id = str(new_id())
    await loyalty.sql("INSERT INTO members (driver_id, tier) VALUES ($1, 'gold')", driver_id)
    await give_points(loyalty, driver_id, 800)
    off = await campaign(loyalty, Percentage(1_000))
    twice = await campaign(loyalty, PointsMultiplier(20_000))
    coupon = await coupon_of(loyalty, driver_id, PerFill(2_000), stacking=Stacking("coupon", 50))
    quote = await ask(loyalty, station, driver_id, points="most")
    assert parts(quote) == [("coupon", 2_000), ("campaign", 2_940), ("points", 800)]
    assert quote["paid_minor"] == 31_400 - 2_000 - 2_940 - 800 == 31_400 - quote["discount_minor"]
    assert [part["reference"] for part in quote["breakdown"]] == [str(coupon), str(off), None]
    assert quote["points"] | {"earned": None} == {
        "available": 800, "per_minor": 1, "spent": 800, "earned": None, "tier": "gold", "tier_basis_points": 12_500,
        "multiplier_basis_points": 20_000, "multiplied_by": [str(twice)],
    }  # fmt: skip
    assert quote["points"]["earned"] == 25_660 * 12_500 * 20_000 // (100 * 10_000 * 10_000)
    assert quote["best_coupon"] == {
        "coupon_id": str(coupon), "amount_minor": 2_000,
        "reason": "It takes off 20.00 CNY; without a coupon you would pay 18.00 CNY more.",
    }  # fmt: skip
    assert quote == await ask(loyalty, station, driver_id, points="most") | {
        name: quote[name] for name in ("quoted_at", "valid_until", "price_age_seconds")
    }  # fmt: skip


async def test_it_asks_the_database_once(loyalty: Loyalty, station: UUID):
    driver_id = str(new_id())
    await campaign(loyalty, Percentage(1_000), budget_minor=10_000)
    coupons = [str(await coupon_of(loyalty, driver_id)) for _ in range(3)]
    await ask(loyalty, station, driver_id)
    wishes: tuple[dict[str, Any], ...] = ({}, {"coupon_ids": coupons[:1]}, {"amount_minor": 5_000, "points": "most"})
    for wish in wishes:
        with statements(loyalty.store) as asked:
            await ask(loyalty, station, driver_id, **wish)
        assert len(asked) == 1, asked


async def test_a_coupon_that_does_not_hold_is_told_why(loyalty: Loyalty, station: UUID):
    driver_id = str(new_id())
    big = await coupon_of(loyalty, driver_id, PerFill(2_000), scope=Scope(minimum_minor=50_000))
    coffee = await coupon_of(loyalty, driver_id, AtCounter())
    foreign = await coupon_of(loyalty, driver_id, operator="another")
    quote = await ask(loyalty, station, driver_id)
    assert reasons(quote) == {str(big): "minimum_amount", str(coffee): "at_counter", str(foreign): "operator"}
    told = {one["what"]: one for one in quote["unused"]}[str(big)]
    assert told == {
        "kind": "coupon", "what": str(big), "name": "canary-coupon", "reason": "minimum_amount",
        "detail": "This coupon is for 500.00 CNY or more.",
    }  # fmt: skip


async def test_coupons_that_were_chosen_come_before_better_ones(loyalty: Loyalty, station: UUID):
    driver_id = str(new_id())
    better, chosen = await coupon_of(loyalty, driver_id, PerFill(900)), await coupon_of(loyalty, driver_id)
    quote = await ask(loyalty, station, driver_id)
    assert (parts(quote), reasons(quote)) == ([("coupon", 900)], {str(chosen): "less"})
    assert parts(await ask(loyalty, station, driver_id, coupon_ids=[str(chosen)])) == [("coupon", 500)]
    assert parts(await ask(loyalty, station, driver_id, coupon_ids=[])) == []
    both = await ask(loyalty, station, driver_id, coupon_ids=[str(chosen), str(better)])
    assert (parts(both), reasons(both)) == ([("coupon", 900)], {str(chosen): "not_together"})


async def test_chosen_coupons_that_are_gone_or_anothers(loyalty: Loyalty, station: UUID):
    driver_id = str(new_id())
    words = {
        "reserved": await coupon_of(loyalty, driver_id, status="reserved", reserved_by=new_id()),
        "cancelled": await coupon_of(loyalty, driver_id, status="cancelled"),
        "expired": await coupon_of(loyalty, driver_id, days=-2),
        "unknown": await coupon_of(loyalty, str(new_id())),
    }
    quote = await ask(loyalty, station, driver_id, coupon_ids=[str(one) for one in words.values()])
    assert reasons(quote) == {str(coupon_id): word for word, coupon_id in words.items()}
    assert quote["paid_minor"] == 31_400


async def test_what_another_way_of_paying_would_save(loyalty: Loyalty, station: UUID):
    card = await campaign(loyalty, PerFill(320), scope=Scope(methods=("fuel_card",)))
    quote = await ask(loyalty, station)
    assert reasons(quote) == {str(card): "method"}
    assert [(one["method"], one["paid_minor"], one["less_minor"]) for one in quote["methods"]] == [
        ("wechat", 31_400, 0), ("alipay", 31_400, 0), ("fuel_card", 31_080, 320),
    ]  # fmt: skip
    by_card = await ask(loyalty, station, method="fuel_card")
    assert (parts(by_card), by_card["card_discount_minor"]) == ([("card_discount", 320)], 320)
    assert [one["less_minor"] for one in by_card["methods"]] == [-320, -320, 0]


async def test_campaigns_of_other_grades_stations_and_operators_are_nobodys_business_here(
    loyalty: Loyalty, station: UUID
):
    await campaign(loyalty, scope=Scope(fuels=("diesel_b0",)))
    await campaign(loyalty, scope=Scope(station_ids=(str(new_id()),)))
    await campaign(loyalty, operator="another")
    await campaign(loyalty, status="paused")
    quote = await ask(loyalty, station)
    assert (quote["breakdown"], quote["unused"]) == ([], [])


async def test_what_is_left_of_a_budget_and_of_a_drivers_share(loyalty: Loyalty, station: UUID):
    driver_id = str(new_id())
    rest = await campaign(loyalty, PriceLock(7_000), budget_minor=5_000)
    await loyalty.sql("INSERT INTO campaign_use VALUES ($1, 4_950, 9)", rest)
    assert parts(await ask(loyalty, station, driver_id)) == [("campaign", 50)]
    await loyalty.sql("UPDATE campaign_use SET used_minor = 5_000")
    assert reasons(await ask(loyalty, station, driver_id)) == {str(rest): "used_up"}
    once = await campaign(loyalty, uses_per_driver=1)
    assert parts(await ask(loyalty, station, driver_id)) == [("campaign", 300)]
    await loyalty.sql("INSERT INTO campaign_use VALUES ($1, 300, 1)", once)
    await loyalty.sql("INSERT INTO campaign_drivers VALUES ($1, $2, 300, 1)", once, driver_id)
    assert reasons(await ask(loyalty, station, driver_id))[str(once)] == "used_up"
    assert parts(await ask(loyalty, station)) == [("campaign", 300)]  # others may still


async def test_more_points_than_there_are(loyalty: Loyalty, station: UUID):
    driver_id = str(new_id())
    await give_points(loyalty, driver_id, 120)
    quote = await ask(loyalty, station, driver_id, points=500)
    assert parts(quote) == [("points", 120)]
    assert quote["unused"] == [
        {"kind": "points", "what": "points", "name": None, "reason": "too_few", "detail": "You have 120 points."}
    ]
    abroad = await loyalty.station(7_850, currency="JPY", country="JP", time_zone="Asia/Tokyo")
    await loyalty.price(abroad, 185_000, version=2, currency="JPY")
    quote = await ask(loyalty, abroad, driver_id, points="most")
    assert (quote["gross_minor"], quote["points"]["per_minor"]) == (7_400, None)
    assert reasons(quote) == {"points": "no_points_here"}


async def test_what_cannot_be_quoted(loyalty: Loyalty, station: UUID):
    slugs: dict[str, Any] = {
        "no-such-station": await ask(loyalty, new_id(), status=404),
        "price-unknown": await ask(loyalty, await loyalty.station(fuel="diesel_b0"), status=409),
        "fuel-not-sold": await ask(loyalty, await loyalty.station(None), status=409),
        "invalid-input": await ask(loyalty, station, status=422, volume_ml=1, amount_minor=1),
    }
    await loyalty.sql("UPDATE stations SET closed = true WHERE station_id = $1", station)
    slugs["station-closed"] = await ask(loyalty, station, status=409)
    assert {problem["type"].rpartition(":")[2] for problem in slugs.values()} == set(slugs)
    dear = await loyalty.station(9_000_000)
    assert "pump" in (await ask(loyalty, dear, amount_minor=1, status=422))["detail"]
    reply = await loyalty.client.post("/v1/quotes", json={}, headers=loyalty.issuer.bearer("account"))
    assert reply.status_code == 403


async def test_campaigns_that_may_have_been_stopped_since_are_not_quoted(loyalty: Loyalty, station: UUID):
    loyalty.process.campaigns = LiveCampaigns(loyalty.store)  # what nobody has read yet is as old as can be
    assert "campaigns" in (await ask(loyalty, station, status=503))["detail"]


async def test_what_a_quote_says_is_what_a_payment_takes_off(loyalty: Loyalty, station: UUID):
    """The same purchase, with the coupons of the quote, at the route that payments asks."""
    driver_id = str(new_id())
    await give_points(loyalty, driver_id, 700)
    await campaign(loyalty, Percentage(777), budget_minor=1_000_000)
    await campaign(loyalty, PerFill(250), scope=Scope(methods=("alipay",)), stacking=Stacking("extra"))
    for amount in (500, 900):
        await coupon_of(loyalty, driver_id, PerFill(amount))
    quote = await ask(loyalty, station, driver_id, points="most", method="alipay")
    asked = {
        "reservation_id": str(new_id()), "order_id": str(new_id()), "driver_id": driver_id, "station_id": str(station),
        "operator": quote["operator"], "fuel": FUEL, "price_mills": quote["price_mills"],
        "volume_ml": quote["volume_ml"], "gross_minor": quote["gross_minor"], "currency": quote["currency"],
        "method": "alipay", "points": quote["points"]["spent"],
        "coupon_ids": [part["reference"] for part in quote["breakdown"] if part["kind"] == "coupon"],
    }  # fmt: skip
    reply = await loyalty.client.post("/internal/reservations", json=asked, headers=loyalty.driver(driver_id))
    assert reply.json()["breakdown"] == quote["breakdown"]
