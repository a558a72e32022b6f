"""What a price hangs on comes from the real tables, in one statement."""

from datetime import UTC, datetime, timedelta
from typing import Any

from loyalty.domain.terms import PerFill, Scope, Stacking
from loyalty.repository import facts as repository
from loyalty.repository.facts import Facts, Use
from servicekit.ids import new_id
from servicekit.testkit_services import OPERATOR

from .conftest import Loyalty
from .quote_kit import campaign, coupon_of

NOW = datetime.now(UTC)


async def facts(loyalty: Loyalty, *arguments: Any) -> Facts:
    async with loyalty.store.connection() as connection:
        return await repository.facts(connection, *arguments)


async def test_of_a_driver_and_a_station_that_nobody_knows(loyalty: Loyalty):
    assert await facts(loyalty, str(new_id()), new_id(), "petrol_95", None) == Facts(None, None, "member", 0, [], {})


async def test_the_station_its_price_and_the_drivers_tier(loyalty: Loyalty):
    station_id, driver_id = await loyalty.station(7_850), str(new_id())
    await loyalty.sql("INSERT INTO members (driver_id, tier) VALUES ($1, 'gold')", driver_id)
    found = await facts(loyalty, driver_id, station_id, "petrol_95", None)
    assert found.station is not None
    assert found.price is not None
    assert (found.station.operator, found.station.time_zone, found.station.closed) == (OPERATOR, "Asia/Shanghai", False)
    assert (found.price.price_mills, found.price.version, found.tier) == (7_850, 1, "gold")
    assert (await facts(loyalty, driver_id, station_id, "diesel_b0", None)).price is None


async def test_points_that_expired_are_held_or_owed_cannot_be_spent(loyalty: Loyalty):
    driver_id = str(new_id())
    for remaining, held, expires in ((100, 30, NOW + timedelta(days=9)), (50, 0, NOW - timedelta(days=1))):
        await loyalty.sql(
            "INSERT INTO lots (lot_id, driver_id, remaining, held, expires_at) VALUES ($1, $2, $3, $4, $5)",
            new_id(), driver_id, remaining, held, expires,
        )  # fmt: skip
    assert (await facts(loyalty, driver_id, new_id(), "petrol_95", None)).points == 70
    await loyalty.sql("INSERT INTO lots (lot_id, driver_id, remaining) VALUES ($1, $2, -90)", new_id(), driver_id)
    assert (await facts(loyalty, driver_id, new_id(), "petrol_95", None)).points == 30
    await loyalty.sql("UPDATE lots SET remaining = -500 WHERE driver_id = $1 AND expires_at IS NULL", driver_id)
    assert (await facts(loyalty, driver_id, new_id(), "petrol_95", None)).points == 0


async def test_coupons_that_can_be_used_or_those_asked_for_whatever_became_of_them(loyalty: Loyalty):
    driver_id, station_id = str(new_id()), await loyalty.station()
    good = await coupon_of(loyalty, driver_id, days=5)
    foreign = await coupon_of(loyalty, driver_id, operator="another", days=1)
    ended = await coupon_of(loyalty, driver_id, days=-1)
    others = await coupon_of(loyalty, str(new_id()))
    found = await facts(loyalty, driver_id, station_id, "petrol_95", None)
    assert [one.coupon_id for one in found.coupons] == [str(good), str(foreign)]  # the operator's own first
    offer = found.coupons[0].offer
    assert (offer.benefit, offer.scope, offer.stacking) == (PerFill(500), Scope(), Stacking("coupon"))
    asked = await facts(loyalty, driver_id, station_id, "petrol_95", None, [ended, others])
    assert [(one.coupon_id, one.status) for one in asked.coupons] == [(str(ended), "active")]
    assert (await facts(loyalty, driver_id, station_id, "petrol_95", None, [])).coupons == []


async def test_what_was_used_of_the_operators_limited_campaigns(loyalty: Loyalty):
    driver_id, station_id = str(new_id()), await loyalty.station()
    limited, free = await campaign(loyalty, budget_minor=900), await campaign(loyalty)
    foreign = await campaign(loyalty, operator="another", budget_minor=900)
    for campaign_id in (limited, free, foreign):
        await loyalty.sql("INSERT INTO campaign_use VALUES ($1, 700, 7)", campaign_id)
    await loyalty.sql("INSERT INTO campaign_drivers VALUES ($1, $2, 200, 2)", limited, driver_id)
    found = await facts(loyalty, driver_id, station_id, "petrol_95", None)
    assert found.uses == {str(limited): Use(700, 7, 2)}
    named = await facts(loyalty, str(new_id()), station_id, "petrol_95", [free, foreign])
    assert named.uses == {str(free): Use(700, 7, 0), str(foreign): Use(700, 7, 0)}


async def test_it_needs_no_scan_of_what_grows(loyalty: Loyalty):
    """However many coupons and campaigns there are: those of others are found by an index."""
    arguments = (str(new_id()), new_id(), "e5", None, None, 50)
    async with loyalty.store.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        for statement in repository._STATEMENTS.values():
            plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments)
            assert "Seq Scan" not in str(plan)
