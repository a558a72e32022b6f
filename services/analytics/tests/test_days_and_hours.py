"""What reports of days and hours tell of people: nobody is to be found in one of them, nor by two together."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.days import DaysReport, days_report
from analytics.domain.documents import SUPPRESSED
from analytics.domain.hours import hours_report
from analytics.domain.periods import HOUR, Period
from analytics.domain.sales import Sales
from analytics.domain.suppression import ways_told

ZONE, FIRST = ZoneInfo("Asia/Shanghai"), date(2026, 4, 26)
DAY = timedelta(days=1)
LAST = FIRST + 9 * DAY
"""So that a month ends within."""
WAYS = ("wechat", "alipay", "fuel_card")


def sold(drivers: int, new: int = 0, first: int = 0) -> Sales:
    """By so many drivers, of whom so many are new; each comes once."""
    one = Sales(drivers={number.to_bytes(16, "big") for number in range(first, first + drivers)}, new_drivers=new)
    one.sums |= {"orders": drivers, "paid_minor": 1_000 * drivers}
    for number in range(drivers):
        way = one.methods.setdefault(WAYS[number * number % 3 + (number % 7 == 0)], {"orders": 0, "paid_minor": 0})
        way["orders"], way["paid_minor"] = way["orders"] + 1, way["paid_minor"] + 1_000
    return one


def days_of(groups: Sequence[tuple[int, int]]) -> dict[date, Sales]:
    """For each day how many drivers came, and the number of the first of them; who came before is not new."""
    known, days = set[bytes](), dict[date, Sales]()
    for place, (count, first) in enumerate(groups):
        day = days[FIRST + place * DAY] = sold(count, first=first)
        day.new_drivers = len(day.drivers - known)
        known |= day.drivers
    return days


DAYS = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 20)), min_size=10, max_size=10).map(days_of)


def report(days: dict[date, Sales], first: date, last: date) -> DaysReport:
    return days_report(Period(first, last, ZONE), days)


def people(one: Any) -> tuple[Any, ...]:
    return one.drivers, one.new_drivers, one.returning_drivers, one.methods


@given(DAYS)
def test_a_day_that_is_left_out_makes_no_difference_to_any_period(days: dict[date, Sales]):
    """An attacker asks for as many periods as there are, and subtracts."""
    whole = report(days, FIRST, LAST)
    for row in whole.rows:
        assert people(row) == people(report(days, row.day, row.day).rows[0]), "whatever is asked, the same is left out"
    for start in range(10):
        for end in range(start + 1, 10):
            first, last = FIRST + start * DAY, FIRST + end * DAY
            if whole.rows[end].suppressed:
                longer, shorter = (report(days, first, last - cut).totals for cut in (0 * DAY, DAY))
                assert people(longer) == people(shorter) or shorter.drivers == 0


@given(DAYS)
def test_no_figure_is_of_few_and_totals_are_what_days_tell(days: dict[date, Sales]):
    whole = report(days, FIRST, LAST)
    for one in (whole.totals, *whole.rows):
        figures = [one.drivers, one.new_drivers, one.returning_drivers, *(way.orders for way in one.methods)]
        assert not any(isinstance(figure, int) and 0 < figure < 5 for figure in figures)
        assert (one.new_drivers is SUPPRESSED) == (one.returning_drivers is SUPPRESSED)
    told = [way for row in whole.rows for way in row.methods]
    for way in whole.totals.methods:
        assert way.orders == sum(of.orders for of in told if of.method == way.method)
    assert whole.totals.orders == sum(one.sums["orders"] for one in days.values())
    if isinstance(whole.totals.new_drivers, int):
        assert whole.totals.new_drivers == sum(
            row.new_drivers for row in whole.rows if isinstance(row.new_drivers, int)
        )


def test_of_six_drivers_nobody_learns_that_one_is_new():
    row = report({FIRST: sold(6, new=1)}, FIRST, FIRST).rows[0]
    assert (row.drivers, row.new_drivers, row.returning_drivers) == (6, SUPPRESSED, SUPPRESSED)
    assert people(report({FIRST: sold(6, new=6)}, FIRST, FIRST).rows[0])[:3] == (6, 6, 0)


def ways(**orders: int) -> dict[str, int]:
    told = ways_told({name: {"orders": count, "paid_minor": 100 * count} for name, count in orders.items()})
    assert all(of["paid_minor"] == 100 * of["orders"] for of in told.values())
    return {name: of["orders"] for name, of in told.items()}


def test_ways_that_few_paid_in_are_told_together():
    assert ways(wechat=9, alipay=7) == {"alipay": 7, "wechat": 9}
    assert ways(wechat=9, alipay=3, balance=2) == {"other": 5, "wechat": 9}
    assert ways(wechat=9, alipay=7, balance=1) == {"other": 8, "wechat": 9}
    assert ways(wechat=5, balance=1) == {"other": 6}
    assert ways(wechat=2, balance=2) == ways() == {}


@given(st.dictionaries(st.sampled_from([*WAYS, "other", "none"]), st.integers(1, 12)))
def test_nothing_but_all_is_lost_of_ways(orders: dict[str, int]):
    told = ways(**orders)
    assert sum(told.values()) in (0, sum(orders.values()))
    assert bool(told) == (sum(orders.values()) >= 5)
    assert not any(count < 5 for count in told.values())


def test_hours_of_a_day_that_is_left_out_are_left_out_with_it():
    period = Period(FIRST, FIRST + DAY, ZONE)
    hours = [period.hours[3], period.hours[4], period.hours[30]]
    counts: Sequence[int] = (6, 7, 2)
    by_hour = {hour: sold(count) for hour, count in zip(hours, counts, strict=True)}
    days = report({FIRST: sold(7), FIRST + DAY: sold(2)}, FIRST, FIRST + DAY)
    made = hours_report(period, by_hour, days)
    assert [row.drivers for row in made.rows if row.orders] == [SUPPRESSED] * 3
    assert made.totals == days.totals
    alone = hours_report(period, by_hour, report({FIRST: sold(7)}, FIRST, FIRST + DAY))
    assert [row.drivers for row in alone.rows if row.hour in (hours[0], hours[0] + HOUR)] == [6, 7]
