"""A pump's times are what they would be if each minute were looked at."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain.folds.pump_days import NOT_COUNTED
from analytics.domain.folds.station_prices import milliseconds
from analytics.domain.pump_times import LONGEST_VISIT, UNKNOWN, joined, painted, pump_times

MIDNIGHT = datetime(2026, 4, 30, tzinfo=UTC)
MINUTE, DAY = 60_000, 86_400_000
START = milliseconds(MIDNIGHT)
MOMENTS = st.integers(0, 2 * 24 * 60 - 1).map(lambda minutes: minutes * MINUTE)


def day(number: int, orders: dict[str, list[int | None]], statuses: list[list[Any]] | None = None) -> dict[str, Any]:
    """A document of the view."""
    return {"day": MIDNIGHT + timedelta(days=number), "orders": orders, "statuses": statuses or []}


@given(st.lists(st.tuples(MOMENTS, MOMENTS), max_size=8))
@settings(max_examples=40)
def test_spans_are_as_long_as_the_minutes_that_they_cover(spans: list[tuple[int, int]]):
    columns = np.array([(min(one), max(one)) for one in spans], np.int64).reshape(-1, 2)
    edges = np.arange(0, 2 * DAY + 1, 60 * MINUTE, dtype=np.int64)
    found = painted(joined(columns[:, 0], columns[:, 1]), edges)
    covered = [any(start <= at < end for start, end in columns.tolist()) for at in range(0, 2 * DAY, MINUTE)]
    assert found.tolist() == [sum(covered[hour * 60 : hour * 60 + 60]) * MINUTE for hour in range(48)]


@given(st.lists(st.tuples(st.sampled_from(["free", "out_of_order"]), MOMENTS), max_size=6), st.booleans())
@settings(max_examples=40)
def test_a_pump_is_out_of_order_until_it_says_something_else(said: list[tuple[str, int]], was_out: bool):
    said = sorted(said, key=lambda one: one[1])
    days = [
        day(number, {}, [
            [version, at - number * DAY, status, NOT_COUNTED]
            for version, (status, at) in enumerate(said) if at // DAY == number
        ]) for number in (1, 0)
    ]  # fmt: skip
    last_said = (START - DAY, "out_of_order") if was_out else None
    begin, until = START + 6 * 60 * MINUTE, START + 40 * 60 * MINUTE
    out = pump_times(days, last_said, begin, until).out
    expected = 0
    for at in range(begin, until, MINUTE):
        known = [status for status, since in said if START + since <= at]
        expected += (known[-1] if known else "out_of_order" if was_out else "free") == "out_of_order"
    assert (out.ends - out.starts).sum() == expected * MINUTE


def test_an_order_over_midnight_is_one_visit():
    minutes = 23 * 60 + 58
    days = [
        day(1, {"a": [None, 1 * MINUTE, 2 * MINUTE, 3 * MINUTE, None]}),
        day(0, {"a": [minutes * MINUTE, None, None, None, None]}),
    ]
    visits = pump_times(days, None, START, START + 2 * DAY).visits
    assert visits.begins.tolist() == [START + minutes * MINUTE]
    assert (visits.waits.tolist(), visits.lasts.tolist()) == ([3 * MINUTE], [5 * MINUTE])
    assert (visits.sold.tolist(), visits.cancelled.tolist()) == ([True], [False])


def test_what_is_not_known_of_an_order_is_not_made_up():
    orders: dict[str, list[int | None]] = {
        "beginning unknown": [None, None, 5 * MINUTE, 6 * MINUTE, None],
        "cancelled": [10 * MINUTE, None, None, None, 14 * MINUTE],
        "still there": [20 * MINUTE, 22 * MINUTE, None, None, None],
        "settled the next morning": [30 * MINUTE, 31 * MINUTE, 600 * MINUTE, 601 * MINUTE, None],
        "clocks disagree": [40 * MINUTE, 39 * MINUTE, 38 * MINUTE, None, None],
        "paid ahead": [50 * MINUTE, None, 51 * MINUTE, 55 * MINUTE, None],
        "of another day": [26 * 60 * MINUTE, None, None, None, None],
    }
    visits = pump_times([day(0, orders)], None, START, START + DAY).visits
    assert ((visits.begins - START) // MINUTE).tolist() == [5, 10, 20, 30, 40, 50]
    assert visits.waits.tolist() == [UNKNOWN, UNKNOWN, 2 * MINUTE, MINUTE, 0, MINUTE]
    assert visits.lasts.tolist() == [MINUTE, 4 * MINUTE, 2 * MINUTE, LONGEST_VISIT, 0, 5 * MINUTE]
    assert visits.sold.tolist() == [True, False, False, True, True, True]
    assert visits.cancelled.tolist() == [False, True, False, False, False, False]


def test_waiting_vehicles_are_those_that_were_counted_in_the_time():
    statuses = [[1, 0, "in_use", 3], [2, 60 * MINUTE, "free", NOT_COUNTED], [3, 90 * MINUTE, "in_use", 0]]
    times = pump_times([day(0, {}, statuses)], None, START + MINUTE, START + DAY)
    assert (times.counted_at.tolist(), times.waiting.tolist()) == ([START + 90 * MINUTE], [0])
    nothing = pump_times([], None, START, START + DAY)
    assert (len(nothing.visits.begins), len(nothing.out.starts), len(nothing.waiting)) == (0, 0, 0)
