"""Demand whose elasticity is known: the interval has it as often as it says, and too little data is said to be so."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analytics.domain.demand import (
    DAY_HOURS,
    HOUR,
    LEAST_FREE,
    Change,
    Hours,
    Response,
    Verdict,
    changes_of,
    hourly,
    response,
)
from analytics.domain.folds.station_prices import NOT_SOLD
from analytics.domain.timelines import Timeline, pieces

NO_RATIO = float("nan")
LEAST_CHANGES = LEAST_FREE + 2
"""That are of one weekday."""
UTC = ZoneInfo("UTC")
WEEK = np.array([1.0, 0.9, 0.95, 1.05, 1.3, 1.4, 0.8])


def synthetic(seed: int, changes: int, elasticity: float, trend: float = 1.03) -> list[Change]:
    """Changes of about 3 %, some sixty fills a day that scatter by a fifth, and later days a little busier."""
    chance = np.random.default_rng(seed)
    x = chance.normal(0, 0.03, changes)
    usual = chance.lognormal(np.log(60), 0.2, changes)
    means = usual, usual * trend * np.exp(elasticity * x)
    fills = [chance.poisson(mean * chance.lognormal(0, 0.1, changes)) for mean in means]
    before, after = ([1 + chance.gamma(9 * n, 40_000 / 9) for n in side] for side in fills)
    columns = zip(before, after, np.sum(fills, axis=0).tolist(), x.tolist(), strict=True)
    return [Change(0, 3, old, new, orders, log_price, log_price) for old, new, orders, log_price in columns]


def interval(found: Response) -> tuple[int, int]:
    assert found.low_basis_points is not None
    assert found.high_basis_points is not None
    return found.low_basis_points, found.high_basis_points


@pytest.mark.parametrize("changes", [LEAST_CHANGES, 40])
@pytest.mark.parametrize("elasticity", [0.0, -2.0])
def test_the_interval_has_the_truth_in_it_nine_times_of_ten(changes: int, elasticity: float):
    found = [response(synthetic(seed, changes, elasticity)) for seed in range(200)]
    hits = sum(low <= 100 * elasticity <= high for low, high in map(interval, found))
    assert 165 <= hits <= 196  # 180 are expected, with a standard deviation of 4


def weekly(
    seed: int, weeks: int, elasticity: float, levels: Sequence[float], days: Sequence[int], spread: float
) -> Response:
    """What is found where the price is set to about these levels on these days of each week, and
    some days of the week are busier than others whatever it does."""
    chance = np.random.default_rng(seed)
    at = [7 * week + day for week in range(1, weeks) for day in days]
    mills = np.round(7_000 * np.exp(np.tile(levels, weeks - 1) + chance.normal(0, spread, len(at))))
    moments = np.array([0, *(day * DAY_HOURS * HOUR + 6 * HOUR for day in at)])
    own = Timeline(moments, np.array([7_000, *mills], dtype=np.int64))
    edges = np.arange(7 * weeks * DAY_HOURS + 1) * HOUR
    parts = pieces(own, [], edges)
    number = np.arange(7 * weeks * DAY_HOURS) // DAY_HOURS
    busy = WEEK[number % 7] * np.exp(chance.normal(0, 0.06, 7 * weeks)[number])
    orders = chance.poisson(6 * busy * (own.at(edges[:-1]) / 7_000) ** elasticity).astype(np.float64)
    hours = hourly(parts, edges, orders * 35_000, orders)
    return response(changes_of(parts, hours, 0, int(edges[-1]), UTC))


def test_prices_that_go_with_the_week_tell_nothing():
    found = weekly(1, 20, 0.0, (0.0, 0.03), (2, 6), 0.0)
    assert (found.verdict, found.changes, found.weekdays) == (Verdict.TOO_MUCH_ALIKE, 36, 2)


@pytest.mark.parametrize("elasticity", [0.0, -2.0])
def test_a_busy_weekday_is_not_taken_for_the_price(elasticity: float):
    found = [weekly(seed, 30, elasticity, (0.0, 0.03), (2, 6), 0.015) for seed in range(60)]
    hits = sum(low <= 100 * elasticity <= high for low, high in map(interval, found))
    assert hits >= 48  # 54 are expected, with a standard deviation of 2.3


def test_a_weekday_with_one_change_has_nothing_to_be_compared_with():
    enough = synthetic(1, LEAST_CHANGES + 1, -1.0)
    found = response([enough[0]._replace(weekday=5), *enough[1:]])
    assert (found.changes, found.weekdays, found.verdict) == (LEAST_CHANGES, 1, Verdict.ESTIMATED)
    two = [one._replace(weekday=place % 2) for place, one in enumerate(enough)]
    assert response(two).verdict is Verdict.ESTIMATED
    assert response(two[1:]).verdict is Verdict.TOO_FEW_CHANGES, "a level more is to be told"


def test_more_changes_say_it_more_exactly():
    few, many = (interval(response(synthetic(5, changes, -2.0))) for changes in (10, 200))
    assert many[1] - many[0] < (few[1] - few[0]) / 3
    assert many[0] < -200 < many[1] < 0


def test_equal_data_give_equal_answers():
    assert response(synthetic(1, 20, -1.0)) == response(synthetic(1, 20, -1.0))


def test_too_little_is_said_to_be_too_little():
    enough = synthetic(1, LEAST_CHANGES, -1.0)
    assert response(enough).verdict is Verdict.ESTIMATED
    assert response([]) == Response(Verdict.TOO_FEW_CHANGES, 0, 0, 0)
    assert response(enough[1:]).verdict is Verdict.TOO_FEW_CHANGES
    assert response([one._replace(orders=19.0) for one in enough]).verdict is Verdict.TOO_FEW_ORDERS
    assert response([one._replace(log_price=0.01) for one in enough]).verdict is Verdict.TOO_MUCH_ALIKE


def test_changes_without_neighbours_do_not_count_for_the_relative_price():
    changes = synthetic(1, LEAST_CHANGES, -1.0)
    changes[3] = changes[3]._replace(log_relative=NO_RATIO)
    assert response(changes, relative=True).verdict is Verdict.TOO_FEW_CHANGES
    assert response(changes).changes == LEAST_CHANGES


def test_demand_that_jumps_from_nearly_nothing_to_all_has_an_end():
    changes = [
        Change(0, 3, *(1.0, 1e9) if n % 2 else (1e9, 1.0), 100, 0.01 if n % 2 else -0.01, NO_RATIO) for n in range(9)
    ]
    assert response(changes).verdict is Verdict.ESTIMATED


def watched(changes: list[tuple[int, int]], days: int = 8) -> tuple[list[Change], Hours]:
    """What is found of prices (at milliseconds) when each hour sells as many litres as its number of the day."""
    edges = np.arange(days * DAY_HOURS + 1) * HOUR
    own = Timeline(*np.array([(0, 1_000), *changes], dtype=np.int64).T)
    parts = pieces(own, [Timeline(np.array([0]), np.array([1_000]))], edges)
    volume = np.tile(np.arange(DAY_HOURS, dtype=np.float64), days)
    hours = hourly(parts, edges, volume, np.ones_like(volume))
    return changes_of(parts, hours, 0, int(edges[-1]), UTC), hours


def test_the_day_after_is_matched_with_the_same_hours_of_the_day_before():
    at = 2 * 24 * HOUR + 10 * HOUR + HOUR // 2
    [change], _ = watched([(at, 1_100)])
    assert change.before_ml == change.after_ml == sum(range(24)) - 10  # the hour in which it happened is left out
    assert change.orders == 2 * 23
    assert change.log_price == pytest.approx(np.log(1.1)) == change.log_relative
    [whole], _ = watched([(2 * 24 * HOUR, 1_100)])
    assert whole.before_ml == whole.after_ml == sum(range(24))


def test_changes_of_the_same_two_days_count_once():
    day = 24 * HOUR
    found, _ = watched([(2 * day, 1_100), (2 * day + HOUR, 1_050), (4 * day - 1, 1_200), (4 * day, 1_000)])
    assert [change.at for change in found] == [2 * day, 4 * day]


def test_hours_without_a_price_are_left_out_and_days_that_are_not_there_do_not_count():
    day = 24 * HOUR
    [change], hours = watched([(3 * day, 1_100), (3 * day + 5 * HOUR, NOT_SOLD), (3 * day + 7 * HOUR, 1_100)])
    assert not np.isfinite(hours.price[3 * 24 + 5 : 3 * 24 + 7]).any()
    assert change.before_ml == change.after_ml == sum(range(24)) - 5 - 6
    assert watched([(day // 2, 1_100)])[0] == []
    assert watched([(7 * day, 1_100)])[0] == []
