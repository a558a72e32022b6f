"""What a fill earns."""

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from loyalty.domain.earning import NOTHING, ONCE, EarningRule, ScopedRule, best_rule, earned

AMOUNT = EarningRule("amount", 1, 100)
LITRE = EarningRule("litre", 2, 1_000)
FACTORS = st.integers(ONCE, 5 * ONCE)


def points(rule: EarningRule, **fields: int) -> int:
    standard = {
        "paid_minor": 31_400, "gross_minor": 31_400, "points_minor": 0, "volume_ml": 40_000, "tier_basis_points": ONCE,
        "multiplier_basis_points": ONCE,
    }  # fmt: skip
    return earned(rule, **standard | fields)


def test_an_amount_earns_by_what_is_paid() -> None:
    assert points(AMOUNT) == 314
    assert points(AMOUNT, paid_minor=31_399) == 313


def test_litres_earn_by_what_came_out_of_the_pump() -> None:
    assert points(LITRE) == 80
    assert points(LITRE, volume_ml=40_499) == 80


def test_the_part_paid_by_points_earns_nothing() -> None:
    assert points(AMOUNT, paid_minor=15_700, points_minor=15_700) == 157
    assert points(LITRE, paid_minor=15_700, points_minor=15_700) == 40
    for rule in (AMOUNT, LITRE):
        assert points(rule, paid_minor=0, points_minor=31_400) == 0


def test_what_coupons_paid_whole_earns_nothing() -> None:
    assert points(AMOUNT, paid_minor=0) == points(LITRE, paid_minor=0) == 0


def test_a_tier_and_a_campaign_multiply() -> None:
    assert points(AMOUNT, tier_basis_points=12_500, multiplier_basis_points=20_000) == 785


def test_it_is_rounded_once() -> None:
    assert points(EarningRule("amount", 1, 300), paid_minor=200, multiplier_basis_points=20_000) == 1


@given(
    st.sampled_from(["amount", "litre"]), st.integers(0, 1_000), st.integers(1, 100_000), st.integers(0, 10**7),
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), FACTORS, FACTORS,
)  # fmt: skip
def test_it_equals_the_exact_value_rounded_down(
    basis, of, per, volume_ml, paid, by_points, discount, tier, multiplier
) -> None:
    gross = paid + by_points + discount
    exact = Fraction(0)
    if paid:
        share = Fraction(gross - by_points, gross)
        exact = Fraction(of, per) * (paid if basis == "amount" else volume_ml * share)
    exact *= Fraction(tier, ONCE) * Fraction(multiplier, ONCE)
    assert floor(exact) == points(
        EarningRule(basis, of, per), paid_minor=paid, gross_minor=gross, points_minor=by_points, volume_ml=volume_ml,
        tier_basis_points=tier, multiplier_basis_points=multiplier,
    )  # fmt: skip


def rule(points: int, **scope) -> ScopedRule:
    return ScopedRule(EarningRule("amount", points, 100), **scope)


def test_the_most_specific_rule_holds() -> None:
    everywhere, yuan = rule(1), rule(2, currency="CNY")
    diesel, here = rule(3, fuels=("diesel_b7",)), rule(4, station_ids=("s1",))
    here_diesel = rule(5, station_ids=("s1",), fuels=("diesel_b7",))
    rules = [everywhere, yuan, diesel, here, here_diesel]
    for order in (rules, rules[::-1]):
        found = [
            best_rule(order, station, fuel, currency)
            for station, fuel, currency in (
                ("s2", "e5", "EUR"), ("s2", "e5", "CNY"), ("s2", "diesel_b7", "CNY"), ("s1", "e5", "CNY"),
                ("s1", "diesel_b7", "EUR"),
            )
        ]  # fmt: skip
        assert [one.points for one in found if one] == [1, 2, 3, 4, 5]


def test_of_equally_specific_rules_the_first_holds() -> None:
    assert best_rule([rule(7), rule(8)], "s", "e5", "EUR") == EarningRule("amount", 7, 100)


def test_where_no_rule_holds_there_is_none() -> None:
    assert best_rule([rule(7, fuels=("e10",))], "s", "e5", "EUR") is None
    assert points(NOTHING) == 0
