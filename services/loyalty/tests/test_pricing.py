"""The best price of a fill is that of all allowed combinations; by trying them all."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loyalty.domain import combinations
from loyalty.domain.combinations import Way
from loyalty.domain.outlook import Taker
from loyalty.domain.pricing import CannotCombine, Price, best_price
from loyalty.domain.terms import (
    CouponReward,
    Hours,
    Offer,
    Percentage,
    PerFill,
    PerLitre,
    PointsMultiplier,
    PriceLock,
    Purchase,
    Scope,
    Trigger,
)

from .pricing_kit import FILLS, LEFT, PURCHASE, best_by_trying, coupon, fill, offer, offers

NO_LIMITS: Mapping[str, int] = {}


def priced(*given: Offer, purchase: Purchase = PURCHASE, **how: Any) -> Price:
    asked: dict[str, Any] = {"left": NO_LIMITS} | how
    return best_price(purchase, given, **asked)


def taken(price: Price) -> dict[str | None, int]:
    return {part.reference: part.amount_minor for part in price.parts}


def why_not(price: Price) -> dict[str, str]:
    return {one.what: one.reason for one in price.unused}


@given(FILLS, offers(), LEFT)
def test_the_best_combination_is_that_of_trying_all(purchase: Purchase, all_of: list[Offer], left: dict[str, int]):
    price = best_price(purchase, all_of, left=left)
    assert (price.paid_minor, taken(price)) == best_by_trying(purchase, all_of, left, ())


@given(FILLS, offers(), LEFT, st.data())
def test_what_the_driver_asked_for_is_in_it_or_refused(
    purchase: Purchase, all_of: list[Offer], left: dict[str, int], data: st.DataObject
):
    ids = [one.id for one in all_of]
    required = frozenset(data.draw(st.lists(st.sampled_from(ids), max_size=3)) if ids else [])
    best = best_by_trying(purchase, all_of, left, required)
    if best is None or not required <= best[1].keys():
        with pytest.raises(CannotCombine) as refused:
            best_price(purchase, all_of, left=left, required=required)
        assert {one.what for one in refused.value.refusals} <= required
    else:
        price = best_price(purchase, all_of, left=left, required=required)
        assert (price.paid_minor, taken(price)) == best


@given(FILLS, offers(), LEFT, st.integers(0, 200), st.sampled_from([None, 1, 8]))
def test_a_price_is_never_below_zero_and_the_sum_of_its_parts(
    purchase: Purchase, all_of: list[Offer], left: dict[str, int], points: int, points_per_minor: int | None
):
    price = best_price(purchase, all_of, left=left, points=points, points_per_minor=points_per_minor)
    assert 0 <= price.paid_minor <= purchase.gross_minor
    assert all(part.amount_minor > 0 for part in price.parts)
    assert price.paid_minor + sum(part.amount_minor for part in price.parts) == purchase.gross_minor
    assert all(part.amount_minor <= left.get(part.reference or "", part.amount_minor) for part in price.parts)
    assert price.points <= points
    named = [part.reference for part in price.parts if part.kind != "points"] + [one.what for one in price.unused]
    assert sorted(named, key=str) == sorted(one.id for one in all_of)  # each is used, or it is said why not


@given(FILLS, offers(), LEFT, st.data())
def test_more_offers_never_make_it_dearer(
    purchase: Purchase, all_of: list[Offer], left: dict[str, int], data: st.DataObject
):
    some = [one for one in all_of if data.draw(st.booleans())]
    assert best_price(purchase, all_of, left=left).paid_minor <= best_price(purchase, some, left=left).paid_minor


@given(FILLS, offers(), LEFT, st.randoms())
def test_it_is_the_same_in_whatever_order_they_come(
    purchase: Purchase, all_of: list[Offer], left: dict[str, int], random: Random
):
    price = best_price(purchase, all_of, left=left)
    shuffled = list(all_of)
    random.shuffle(shuffled)
    again = best_price(purchase, shuffled, left=left)
    assert replace(again, unused=()) == replace(price, unused=())
    assert set(again.unused) == set(price.unused)


def test_discounts_come_off_in_their_order_each_from_what_is_left():
    half, ten = offer("half", Percentage(5_000)), coupon("ten", PerFill(1_000), priority=10)
    price = priced(half, ten, purchase=fill(20_000, 5_000))
    assert [(part.reference, part.amount_minor) for part in price.parts] == [("ten", 1_000), ("half", 4_500)]
    later = priced(half, replace(ten, stacking=replace(ten.stacking, priority=200)), purchase=fill(20_000, 5_000))
    assert [(part.reference, part.amount_minor) for part in later.parts] == [("half", 5_000), ("ten", 1_000)]


@pytest.mark.parametrize(
    ("benefit", "amount"),
    [
        (Percentage(250), 785),
        (Percentage(250, 500), 500),
        (Percentage(333), 1_045),  # 1,045.62: what is begun is not given
        (PerLitre(123), 492),
        (PerFill(99_999), 31_400),
        (PriceLock(7_000), 3_400),
        (PriceLock(7_850), 0),
    ],
)
def test_each_kind_of_discount(benefit: Percentage, amount: int):
    assert sum(taken(priced(offer("one", benefit))).values()) == amount


def test_a_price_lock_goes_by_the_pumps_price_whatever_came_before():
    lock = offer("lock", PriceLock(7_000), priority=200)
    assert taken(priced(lock, coupon("ten", PerFill(1_000)))) == {"ten": 1_000, "lock": 3_400}


def test_of_a_group_one_holds_and_the_other_is_told_why():
    price = priced(offer("a", PerFill(100)), offer("b", PerFill(200)))
    assert taken(price) == {"b": 200}
    assert why_not(price) == {"a": "less"}


def test_one_without_a_group_holds_alone_but_for_points():
    alone = offer("alone", PerFill(500), group=None)
    price = priced(alone, offer("a", PerFill(300)), coupon("c", PerFill(100)), points=50, points_per_minor=1)
    assert taken(price) == {"alone": 500, None: 50}
    assert why_not(price) == {"a": "less", "c": "less"}
    assert taken(priced(alone, offer("a", PerFill(300)), coupon("c", PerFill(201)))) == {"a": 300, "c": 201}


def test_a_coupon_is_not_spent_where_it_is_not_needed():
    price = priced(offer("free", Percentage(10_000), priority=200), coupon("c", PerFill(100)))
    assert taken(price) == {"free": 31_400}
    assert why_not(price) == {"c": "nothing_left"}


def test_of_equal_coupons_the_one_that_ends_sooner_is_spent():
    assert taken(priced(coupon("a", PerFill(100), days=9), coupon("b", PerFill(100), days=3))) == {"b": 100}


def test_points_come_last_in_whole_minor_units():
    price = priced(coupon("c", PerFill(31_390)), points=999, points_per_minor=8)
    assert [(part.kind, part.amount_minor, part.points) for part in price.parts][1:] == [("points", 10, 80)]
    assert (price.paid_minor, price.points) == (0, 80)
    assert priced(points=7, points_per_minor=8).points == 0
    assert priced(points=7).points == 0  # where they cannot be spent


def test_the_best_multiplier_counts_and_they_do_not_multiply_each_other():
    twice, thrice = offer("two", PointsMultiplier(20_000)), offer("three", PointsMultiplier(30_000), group=None)
    price = priced(twice, thrice, offer("a", PerFill(100)))
    assert (price.multiplier_basis_points, price.multipliers) == (30_000, ("three",))
    assert why_not(price) == {"two": "fewer_points"}
    assert taken(price) == {"a": 100}  # a multiplier takes no discount's place


def test_rewards_are_no_part_of_a_price():
    price = priced(offer("gift", CouponReward("t", Trigger.EVERY_FILL)))
    assert (price.parts, price.multipliers, price.unused) == ((), (), ())


def test_what_is_used_up_takes_no_part():
    assert why_not(priced(offer("a", PerFill(9)), left={"a": 0})) == {"a": "used_up"}
    assert taken(priced(offer("a", PerFill(9)), left={"a": 4})) == {"a": 4}


REASONS = [
    (Scope(station_ids=("other",)), "station", "This campaign is for other stations."),
    (Scope(fuels=("diesel_b0",)), "grade", "This campaign is for other grades."),
    (Scope(tiers=("silver", "gold")), "tier", "This campaign is for members of the tier silver or gold."),
    (Scope(methods=("fuel_card",)), "method", "This campaign is for paying with the fuel card."),
    (Scope(minimum_volume_ml=40_500), "minimum_volume", "This campaign is for 40.5 litres or more."),
    (Scope(minimum_minor=123_456), "minimum_amount", "This campaign is for 1,234.56 CNY or more."),
    (
        Scope(hours=(Hours((6, 7), "08:00", "12:00"),)), "hours",
        "This campaign holds on Saturday or Sunday from 08:00 to 12:00, by the station's clock.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("scope", "word", "detail"), REASONS)
def test_it_is_said_why_an_offer_does_not_hold(scope: Scope, word: str, detail: str):
    (refusal,) = priced(offer("a", PerFill(9), scope=scope)).unused
    assert (refusal.what, refusal.reason, refusal.detail) == ("a", word, detail)


def test_times_are_said_by_the_stations_clock():
    ended, later = coupon("c", PerFill(9), days=-1), offer("a", PerFill(9))
    later = replace(later, starts_at=PURCHASE.at.replace(hour=17, day=30), ends_at=None)
    details = [one.detail for one in priced(ended, later).unused]
    assert details == ["The coupon ended on 29 April 2026.", "This campaign begins on 1 May 2026 at 01:00."]


def test_coupons_that_cannot_be_had_together_are_named():
    one, other = coupon("c", PerFill(9)), coupon("d", PerFill(9))
    with pytest.raises(CannotCombine) as refused:
        priced(one, other, required=frozenset({"c", "d", "gone"}))
    assert [(one.what, one.reason) for one in refused.value.refusals] == [("gone", "unknown")]
    with pytest.raises(CannotCombine) as refused:
        priced(one, other, required=frozenset({"c", "d"}))
    assert {(one.what, one.reason) for one in refused.value.refusals} == {("c", "not_together"), ("d", "not_together")}


def test_a_coupon_that_would_be_wasted_is_refused_even_when_asked_for():
    with pytest.raises(CannotCombine) as refused:
        priced(offer("free", Percentage(10_000), priority=1), coupon("c", PerFill(9)), required=frozenset({"c"}))
    assert [one.reason for one in refused.value.refusals] == ["nothing_left"]


def test_what_the_asked_coupon_excludes_is_told_so():
    price = priced(coupon("c", PerFill(9)), coupon("d", PerFill(99)), required=frozenset({"c"}))
    assert why_not(price) == {"d": "chosen"}


def many(groups: int) -> list[Offer]:
    """200 campaigns and 20 coupons, all in scope, in so many groups that cross each other."""
    campaigns = [
        offer(f"{place:03}", [Percentage(place + 1), PerFill(place + 3), PerLitre(place + 7)][place % 3],
              group=f"g{place % groups}", priority=place % 5)
        for place in range(200)
    ]  # fmt: skip
    return campaigns + [coupon(f"c{place:02}", PerFill(500 + place), priority=place % 5) for place in range(20)]


def alike(groups: int, campaigns: int, seed: int) -> list[Offer]:
    """Campaigns and coupons that all take off about as much, in whatever order: the hardest to choose from."""
    draw = Random(seed)  # noqa: S311 -- a case that can be had again
    benefits = [
        lambda: Percentage(draw.randrange(300, 330)), lambda: Percentage(draw.randrange(300, 900), 950),
        lambda: PerFill(draw.randrange(950, 1_000)), lambda: PerLitre(draw.randrange(230, 250)),
    ]  # fmt: skip
    found = [
        offer(f"{place:03}", draw.choice(benefits)(), group=f"g{place % groups}", priority=draw.randrange(200))
        for place in range(campaigns)
    ]
    return found + [coupon(f"c{place}", PerFill(980 + place), priority=draw.randrange(200)) for place in range(5)]


def test_hundreds_of_groups_cannot_stop_it():
    """More than is followed: the price is still allowed, and at least as good as the best one of each group."""
    price = priced(*many(40))
    assert 0 <= price.paid_minor < priced(*many(1)).paid_minor
    groups = {one.id: one.stacking.group for one in many(40)}
    assert len({groups[str(part.reference)] for part in price.parts}) == len(price.parts)


@pytest.mark.parametrize("groups", [2, 8, 40, 200])
def test_however_many_there_are_only_so_many_ways_are_followed(groups: int, monkeypatch: pytest.MonkeyPatch):
    sweeps: list[list[int]] = []
    sweep, step = combinations._sweep, combinations._step

    def counted_sweep(gross: int, takers: Sequence[Taker], known: int, *, cost_counts: bool) -> list[Way]:
        sweeps.append([])
        return sweep(gross, takers, known, cost_counts=cost_counts)

    def counted_step(ways: combinations.Ways, taker: Taker, bit: int, *, closes: bool) -> combinations.Ways:
        sweeps[-1].append(sum(map(len, ways.values())))
        return step(ways, taker, bit, closes=closes)

    monkeypatch.setattr(combinations, "_sweep", counted_sweep)
    monkeypatch.setattr(combinations, "_step", counted_step)
    for all_of in (many(groups), alike(groups, 200, 1)):
        sweeps.clear()
        assert priced(*all_of).parts
        assert len(sweeps) <= 2
        assert max(map(len, sweeps), default=0) <= combinations.MOST_TAKERS
        assert max(map(sum, sweeps), default=0) <= combinations.MOST_STEPS


@pytest.mark.parametrize("seed", range(5))
def test_what_is_not_followed_is_not_missed_by_usual_campaigns(seed: int, monkeypatch: pytest.MonkeyPatch):
    all_of = alike(3, 30, seed)
    price = priced(*all_of)
    monkeypatch.setattr(combinations, "MOST_TAKERS", 10**6)
    monkeypatch.setattr(combinations, "MOST_STEPS", 10**6)
    assert priced(*all_of) == price
