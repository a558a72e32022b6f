"""What a campaign changed is found where it is known, and nothing is where there is nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain import uplift
from analytics.domain.grids import Flags, Floats
from analytics.domain.uplift import BASELINE_DAYS, FIGURES, ORDERS, Effect, Verdict, comparable, effect

WEEK = np.array([1, 1, 1, 1.05, 1.2, 1.1, 0.8])
CLOCK = np.array([0.2] * 6 + [1, 1.5, 1.4, 1] + [1] * 6 + [1.6, 1.6, 1.2, 1] + [0.6] * 4)
RUNS = 40
LITRES = FIGURES[0]


def sold(chance: np.random.Generator, days: int, level: float = 1.0, common: Floats | float = 0.0) -> Floats:
    """Demand that no campaign changes: a week and a day as they are, chance, and what all stations share."""
    day = np.exp(chance.normal(0, 0.1, days) + common)
    orders = chance.poisson(8 * level * WEEK[np.arange(days) % 7][:, None] * CLOCK * day[:, None]).astype(np.float64)
    millilitres = orders * 35_000 + np.sqrt(orders) * chance.normal(0, 12_000, orders.shape)
    return np.array([millilitres, orders, millilitres / 6]).round()


def stations(
    seed: int, days: int = 14, by: float = 0.0, others: int = 5, shock: float = 0.0, growth: float = 0.0
) -> tuple[Floats, list[Floats], Flags]:
    """A station whose campaign changed its litres so, others without one, and when it held: all of these days."""
    chance = np.random.default_rng(seed)
    common = chance.normal(0, 0.08, BASELINE_DAYS + days)
    common[BASELINE_DAYS:] += shock
    common += growth * np.arange(BASELINE_DAYS + days) / 7
    own = sold(chance, BASELINE_DAYS + days, 1.0, common)
    own[:, BASELINE_DAYS:] *= 1 + by
    like = [sold(chance, BASELINE_DAYS + days, chance.uniform(0.5, 1.6), common) for _ in range(others)]
    return own, like, np.ones((days, 24), np.bool_)


def found(own: Floats, others: Sequence[Floats], held: Flags) -> Effect:
    return effect(own, others, held, np.full(len(held), 100.0), 7)


def many(**how: Any) -> list[tuple[int, int, int]]:
    """The effect on litres and its interval, in each of RUNS runs."""
    changes = [found(*stations(seed, **how)).changes[LITRES] for seed in range(RUNS)]
    return [(one.low_basis_points, one.basis_points, one.high_basis_points) for one in changes]


@pytest.mark.parametrize("how", [{"days": 14}, {"days": 3}, {"days": 42}])
def test_a_known_effect_is_covered_by_nearly_all_intervals(how: dict[str, int]):
    runs = many(by=0.15, **how)
    assert sum(low <= 1_500 <= high for low, _, high in runs) >= 0.8 * RUNS
    assert abs(np.mean([middle for _, middle, _ in runs]) - 1_500) < 300


def test_an_effect_that_is_not_there_is_rarely_seen():
    runs = many(by=0.0)
    assert sum(low > 0 or high < 0 for low, _, high in runs) <= 0.2 * RUNS


@pytest.mark.parametrize("a_week", [0.01, 0.02, -0.02])
def test_growth_is_no_effect_of_a_campaign(a_week: float):
    verdicts = [found(*stations(seed, days=28, growth=a_week)).verdict for seed in range(RUNS)]
    assert sum(one is not Verdict.NONE_SEEN for one in verdicts) <= 0.2 * RUNS
    alone = [found(*stations(seed, days=28, growth=a_week, others=2)).verdict for seed in range(RUNS)]
    assert set(alone) == {Verdict.TOO_FEW_STATIONS}


def test_more_days_tell_more():
    widths = [np.mean([high - low for low, _, high in many(by=0.15, days=days)]) for days in (3, 14, 42)]
    assert widths == sorted(widths, reverse=True)


def test_what_all_stations_share_is_no_effect():
    own, others, held = stations(1, days=28, shock=0.3)
    corrected, alone = found(own, others, held), found(own, others[:2], held)
    assert (corrected.verdict, corrected.stations) == (Verdict.NONE_SEEN, 5)
    assert (alone.verdict, alone.stations) == (Verdict.TOO_FEW_STATIONS, 0)
    assert alone.changes[LITRES].basis_points > 2_000, "the plain change is told"


def test_days_on_which_the_station_was_closed_do_not_count():
    own, others, held = stations(2, by=0.2)
    full = found(own, others, held)
    own[:, [10, 11, 30, BASELINE_DAYS + 4]] = 0
    others[0][:, [20, BASELINE_DAYS + 1]] = 0
    less = found(own, others, held)
    assert (full.days, full.weeks, full.discount_minor) == (14, 8, 1_400)
    assert (less.days, less.weeks, less.discount_minor) == (13, 8, 1_300)
    assert abs(less.changes[LITRES].basis_points - full.changes[LITRES].basis_points) < 500


def test_a_campaign_that_ended_early_is_judged_by_its_own_hours():
    own, others, held = stations(3, by=0.0)
    held[5:] = False
    held[:5, :17] = False
    own[:, BASELINE_DAYS : BASELINE_DAYS + 5, 17:] *= 1.5
    one = found(own, others, held)
    assert one.days == 5
    assert one.verdict is Verdict.MORE
    assert one.changes[LITRES].low_basis_points < 5_000 < one.changes[LITRES].high_basis_points


def test_a_day_alone_is_enough_for_a_large_effect_only():
    own, others, held = stations(4, days=1, by=1.0)
    assert found(own, others, held).verdict is Verdict.MORE
    own, others, held = stations(4, days=1, by=0.02)
    assert found(own, others, held).verdict is Verdict.NONE_SEEN


def test_it_says_what_is_missing():
    own, others, held = stations(5)
    assert found(own, others, np.zeros_like(held)).verdict is Verdict.NOT_HELD
    young = own.copy()
    young[:, : BASELINE_DAYS - 21] = 0
    assert (found(young, others, held).verdict, found(young, others, held).weeks) == (Verdict.TOO_FEW_WEEKS, 3)
    at_night = np.zeros_like(held)
    at_night[0, 3] = True
    few = found(own / [[[20_000]], [[20]], [[20]]], others, at_night)
    assert (few.verdict, few.orders_before < uplift.LEAST_ORDERS) == (Verdict.TOO_FEW_ORDERS, True)
    assert not few.changes
    uneven = own.copy()
    uneven[:, :BASELINE_DAYS] *= np.where(np.arange(BASELINE_DAYS) // 7 % 3 == 0, 30, 1)[None, :, None]
    assert found(uneven[:, : BASELINE_DAYS + 1], [], held[:1]).verdict is Verdict.TOO_UNEVEN


def test_more_litres_are_those_that_were_not_to_be_expected():
    own, others, held = stations(6, days=28, by=0.25)
    change = found(own, others, held).changes[LITRES]
    litres = own[0, BASELINE_DAYS:].sum()
    assert change.low_more < change.more < change.high_more
    assert change.more == pytest.approx(litres - litres / (1 + change.basis_points / 10_000), rel=0.01)
    assert found(own.copy(), others, held) == found(own, others, held), "equal data give equal answers"


def test_comparable_are_those_that_go_with_the_station_and_were_open():
    own, others, _ = stations(7, others=6)
    during = np.ones(14, np.bool_)
    others[2] = np.roll(others[2], 3, axis=1)
    others[4][:, BASELINE_DAYS:] = 0
    others[5] = np.zeros_like(own)
    like = comparable(own, others, during)
    assert set(like) >= {0, 1, 3}
    assert not set(like) & {4, 5}
    assert 2 not in like or like[-1] == 2
    assert comparable(own, others[:2], during) == [], "two are too few"


@given(
    st.integers(1, 20), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5),
    st.floats(0, 1), st.integers(0, 6),
)  # fmt: skip
@settings(max_examples=40)
def test_whatever_was_sold_there_is_an_answer(days: int, seeds: list[int], often: float, orders: int):
    every = []
    for seed in seeds:
        chance = np.random.default_rng(seed)
        some = chance.integers(0, orders + 1, (3, BASELINE_DAYS + days, 24)) * (chance.random((24,)) < often)
        some[0] -= chance.integers(0, 2, some[0].shape)
        every.append(some.astype(np.float64))
    own, *others = every
    one = found(own, others, np.random.default_rng(days).random((days, 24)) < 0.5)
    for change in one.changes.values():
        assert change.low_basis_points <= change.high_basis_points
        assert change.low_more <= change.high_more
    told = (Verdict.MORE, Verdict.LESS, Verdict.NONE_SEEN)
    assert bool(one.changes) == (one.verdict in (*told, Verdict.TOO_FEW_STATIONS))
    assert (one.verdict in told) == (one.stations > 0 and bool(one.changes))
    assert own[ORDERS].min() >= 0
