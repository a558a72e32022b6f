"""What a campaign would have cost: sums that hold for all orders, budgets and caps that run down as they would."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loyalty.domain.earning import ONCE
from loyalty.domain.simulation import Given, PastOrder, Simulation, Simulator, gainers
from loyalty.domain.terms import (
    Benefit,
    Campaign,
    CouponReward,
    Percentage,
    PerFill,
    PerLitre,
    PointsMultiplier,
    Purchase,
    Scope,
    Stacking,
    StampCard,
    Status,
    Trigger,
)

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
STATION = "0199a000-0000-7000-8000-000000000001"


def campaign(benefit: Benefit, **fields: Any) -> Campaign:
    standard: dict[str, Any] = {
        "campaign_id": "c", "version": 1, "status": Status.DRAFT, "operator": "o", "name": "n", "benefit": benefit,
        "scope": Scope(), "stacking": Stacking(), "currency": "CNY", "starts_at": BEGIN + timedelta(days=400),
        "ends_at": None,
    }  # fmt: skip
    return Campaign(**standard | fields)


def order(
    driver: str = "d", day: int = 0, volume_ml: int = 40_000, given: tuple[Given, ...] = (), **fields: Any
) -> PastOrder:  # fmt: skip
    standard: dict[str, Any] = {
        "driver_id": driver, "operator": "o", "station_id": STATION, "time_zone": "Asia/Shanghai", "fuel": "petrol_95",
        "price_mills": 7_850, "volume_ml": volume_ml, "gross_minor": volume_ml * 785 // 1_000, "currency": "CNY",
        "method": "wechat", "tier": "member", "at": BEGIN + timedelta(days=day),
    }  # fmt: skip
    extra = {name: fields.pop(name) for name in ("points", "multiplied", "number", "mode") if name in fields}
    about: dict[str, Any] = {"points": 314, "multiplied": ONCE, "number": 2} | extra
    return PastOrder(purchase=Purchase(**standard | fields), given=given, **about)


def tried(what: Campaign, *orders: PastOrder) -> Simulation:
    simulator = Simulator(what)
    for one in orders:
        simulator.take(one)
    return simulator.result


ORDERS = st.lists(
    st.builds(
        order, st.sampled_from("abc"), st.integers(0, 27), st.integers(1_000, 60_000),
        fuel=st.sampled_from(["petrol_95", "diesel_b0"]), tier=st.sampled_from(["member", "gold"]),
    ),
    max_size=12,
)  # fmt: skip


@given(ORDERS, st.integers(1, 3_000), st.none() | st.integers(1, 5_000), st.none() | st.integers(1, 3))
def test_costs_are_those_of_each_order_within_budget_and_caps(
    orders: list[PastOrder], mills: int, budget: int | None, per_driver: int | None
) -> None:
    terms = campaign(
        PerLitre(mills), scope=Scope(fuels=("petrol_95",)), budget_minor=budget, uses_per_driver=per_driver
    )
    found = tried(terms, *orders)
    cost, uses = 0, dict.fromkeys("abc", 0)
    for one in orders:
        bought = one.purchase
        off = min(mills * bought.volume_ml // 10_000, bought.gross_minor)
        left = off if budget is None else min(off, budget - cost)
        if bought.fuel == "petrol_95" and left and (per_driver is None or uses[bought.driver_id] < per_driver):
            cost, uses[bought.driver_id] = cost + left, uses[bought.driver_id] + 1
    assert (found.cost_minor, found.more_off_minor, found.orders_reached) == (cost, cost, sum(uses.values()))
    assert found.orders == len(orders) == found.orders_reached + sum(found.unreached.values())
    for groups in (found.by_tier, found.by_fuel, found.by_station, found.by_weekday):
        assert sum(group.cost_minor for group in groups.values()) == cost
    assert sum(found.by_driver.values()) == cost


def test_it_competes_with_what_was_given() -> None:
    same_group = Given("other", 500, Stacking(group="campaign"))
    beside = Given("coupon", 500, Stacking(group="coupon"))
    terms = campaign(PerFill(800))
    better = tried(terms, order(given=(same_group,)))
    assert (better.cost_minor, better.more_off_minor) == (800, 300), "it takes the place of the other one"
    both = tried(terms, order(given=(beside,)))
    assert (both.cost_minor, both.more_off_minor) == (800, 800)
    worse = tried(campaign(PerFill(400)), order(given=(same_group,)))
    assert (worse.cost_minor, worse.unreached) == (0, {"other_is_better": 1})


def test_it_says_when_the_budget_would_have_been_used_up() -> None:
    found = tried(campaign(PerFill(800), budget_minor=1_000), *(order(day=day) for day in range(4)))
    assert (found.cost_minor, found.used_up_at, found.unreached) == (1_000, BEGIN + timedelta(days=1), {"used_up": 2})


def test_points_and_rewards_are_counted_as_such() -> None:
    doubled = tried(campaign(PointsMultiplier(20_000)), order(), order(multiplied=20_000, points=628))
    assert (doubled.points, doubled.cost_minor, doubled.unreached) == (314, 0, {"no_more_points": 1})
    fills = [order(day=day, number=day + 1) for day in range(6)]
    assert tried(campaign(StampCard(3, "t")), *fills).rewards == 2
    assert tried(campaign(CouponReward("t", Trigger.FIRST_FILL)), *fills).rewards == 1
    assert tried(campaign(CouponReward("t", Trigger.NTH_FILL, 4)), *fills).rewards == 1
    away = [order(day=0), order(day=20), order(day=90)]
    assert tried(campaign(CouponReward("t", Trigger.COME_BACK, 60)), *away).rewards == 1


def test_who_gains() -> None:
    orders = [order(driver=str(number), volume_ml=10_000 * (1 + number)) for number in range(5)]
    found = gainers(tried(campaign(Percentage(1_000)), *orders).by_driver)
    assert (found.drivers, found.most, found.median) == (5, 3_925, 2_355)
    assert found.share_of_top_tenth == 3_925 * 10_000 // (785 * 15)
    assert gainers(tried(campaign(Percentage(1_000))).by_driver).drivers == 0


def test_discounts_hold_for_no_order_that_is_paid_before_fuelling() -> None:
    before = [order(mode="prepaid"), order(mode="pre_auth"), order()]
    result = tried(campaign(PerFill(500)), *before)
    assert (result.orders_reached, result.cost_minor, result.unreached) == (1, 500, {"mode": 2})
    assert tried(campaign(PointsMultiplier(2 * ONCE)), *before).orders_reached == 3
