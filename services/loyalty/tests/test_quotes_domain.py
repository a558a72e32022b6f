"""What a quote says beside its price: the best coupon, other ways of paying, what is earned, how long it is good."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loyalty.domain.earning import EarningRule
from loyalty.domain.pricing import best_price
from loyalty.domain.quotes import GOOD_FOR, METHODS, Basis, quantity, quote
from loyalty.domain.terms import Hours, Offer, PerFill, PointsMultiplier, Purchase, Scope

from .pricing_kit import AT, FILLS, LEFT, PURCHASE, coupon, offer, offers

PER_YUAN = EarningRule("amount", 1, 100)


def basis(*offers: Offer, **fields: Any) -> Basis:
    """40 litres for 314.00, with these offers."""
    values: dict[str, Any] = {
        "purchase": PURCHASE, "offers": offers, "left": {}, "chosen": frozenset(), "points": 0, "points_per_minor": 1,
        "rule": PER_YUAN, "tier_basis_points": 10_000,
    }  # fmt: skip
    return Basis(**values | fields)


@pytest.mark.parametrize(
    ("amount_minor", "volume_ml", "expected"),
    [(20_000, None, (25_478, 20_000)), (None, 40_000, (40_000, 31_400)), (1, None, (1, 1)), (None, 1, (1, 1))],
)
def test_how_much_is_bought(amount_minor: int | None, volume_ml: int | None, expected: tuple[int, int]):
    assert quantity(amount_minor, volume_ml, 7_850, "CNY") == expected


def test_the_best_coupon_is_worth_what_would_be_paid_more_without_it():
    taken = offer("alone", PerFill(300), group=None)
    best = quote(basis(taken, coupon("c", PerFill(1_000)), coupon("d", PerFill(900)))).best_coupon
    assert best is not None
    assert (best.coupon_id, best.amount_minor) == ("c", 1_000)
    assert best.reason == "It takes off 10.00 CNY; without a coupon you would pay 7.00 CNY more."
    assert quote(basis(taken)).best_coupon is None


def test_a_chosen_coupon_that_saves_nothing_is_said_to_be_so():
    alone = offer("alone", PerFill(300), group=None)
    best = quote(basis(alone, coupon("c", PerFill(300)), chosen=frozenset({"c"}))).best_coupon
    assert best is not None
    assert best.reason == "It takes off 3.00 CNY; without a coupon you would pay no more, so you may keep it."


def test_each_way_of_paying_has_its_own_price_and_points():
    by_card = offer("card", PerFill(400), scope=Scope(methods=("fuel_card",)), kind="card_discount")
    twice = offer("twice", PointsMultiplier(20_000), scope=Scope(methods=("alipay",)))
    methods = quote(basis(by_card, twice)).methods
    assert [(one.method, one.paid_minor, one.less_minor, one.points) for one in methods] == [
        ("wechat", 31_400, 0, 314), ("alipay", 31_400, 0, 628), ("fuel_card", 31_000, 400, 310),
    ]  # fmt: skip


@given(
    FILLS, offers(), LEFT, st.lists(st.sampled_from(["wechat", "alipay", "fuel_card", None]), min_size=7, max_size=7)
)
def test_each_way_of_paying_costs_what_a_quote_for_it_says(
    purchase: Purchase, all_of: list[Offer], left: dict[str, int], methods: list[tuple[str, ...] | None]
):
    """Though offers that are out for the first price are not looked at again, and equal ways are worked out once."""
    scoped = [
        replace(one, scope=Scope(methods=among, minimum_volume_ml=40_000 if one.id < "03" else None))
        for one, among in zip(all_of, methods, strict=False)
    ]  # fmt: skip
    found = {one.method: one.paid_minor for one in quote(basis(*scoped, purchase=purchase, left=left)).methods}
    direct = {
        method: best_price(replace(purchase, method=method), scoped, left=left).paid_minor for method in METHODS
    }  # fmt: skip
    assert found == direct


def test_what_points_pay_earns_nothing():
    quoted = quote(basis(points=10_000, tier_basis_points=15_000))
    assert (quoted.price.paid_minor, quoted.points) == (21_400, 321)


def until(*offers: Offer, at: datetime = AT) -> timedelta:
    return quote(basis(*offers, purchase=replace(PURCHASE, at=at))).valid_until - at


def test_a_quote_is_good_for_a_minute_or_as_long_as_what_is_in_it():
    half_past = AT + timedelta(seconds=30)
    assert until(at=half_past) == until(offer("a", PerFill(1))) == GOOD_FOR
    ends = replace(offer("a", PerFill(1)), ends_at=half_past + timedelta(seconds=7))
    assert until(ends, at=half_past) == timedelta(seconds=7)
    until_ten_past_six = Scope(hours=(Hours((1, 2, 3, 4, 5, 6, 7), "06:00", "18:01"),))  # 10:01 UTC in Shanghai
    assert until(offer("a", PerFill(1), scope=until_ten_past_six), at=half_past) == timedelta(seconds=30)
    all_day = Scope(hours=(Hours((1, 2, 3, 4, 5, 6, 7), "06:00", "18:02"),))
    assert until(offer("a", PerFill(1), scope=all_day), at=half_past) == GOOD_FOR


def test_at_an_hour_that_clocks_show_twice_the_discount_holds_twice():
    """New York, 1 November 2026: 01:30 comes at 05:30 and again at 06:30 UTC; 02:30 of 8 March never comes."""
    night = offer("night", PerFill(100), scope=Scope(hours=(Hours((7,), "01:00", "02:00"),)))
    skipped = offer("skipped", PerFill(100), scope=Scope(hours=(Hours((7,), "02:00", "03:00"),)))

    def is_given(one: Offer, at: datetime) -> bool:
        in_new_york = replace(PURCHASE, time_zone="America/New_York", at=at)
        return bool(quote(basis(replace(one, starts_at=at, ends_at=None), purchase=in_new_york)).price.parts)

    twice = [datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (4, 5, 6, 7)]
    assert [is_given(night, at) for at in twice] == [False, True, True, False]
    assert not any(is_given(skipped, datetime(2026, 3, 8, hour, 30, tzinfo=UTC)) for hour in range(24))


def test_at_the_exact_edges_a_campaign_begins_and_is_over():
    one = replace(offer("a", PerFill(100)), starts_at=AT, ends_at=AT + timedelta(hours=1))
    tick = timedelta(microseconds=1)
    moments = [AT - tick, AT, AT + timedelta(hours=1) - tick, AT + timedelta(hours=1)]
    prices = [quote(basis(one, purchase=replace(PURCHASE, at=at))).price for at in moments]
    assert [bool(price.parts) for price in prices] == [False, True, True, False]
    assert [price.unused[0].reason for price in prices if price.unused] == ["not_yet", "expired"]
