"""What all reports share: figures that are defined, changes, what is left out, and the definitions in the docs."""

import re
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.documents import SUPPRESSED
from analytics.domain.metrics import LEAST_DRIVERS, METRICS, TABLE
from analytics.domain.overview import OverviewRow
from analytics.domain.periods import Compare, Period
from analytics.domain.reports import aligned, change, changes, share
from analytics.domain.suppression import hidden, hidden_within, is_small, shown
from analytics.metrics_page import PAGE, page, parts_of
from analytics.use_cases.report_kinds import REPORTS

STRUCTURE = {"suppressed"}
"""Fields that are no figures."""
CHINESE = re.compile("[\u4e00-\u9fff]{2}")


def test_each_field_of_a_row_is_a_figure_that_is_defined():
    kinds = {one for report in REPORTS for one in parts_of(report.shape)} | {OverviewRow}
    assert len(kinds) > len(REPORTS)
    for kind in kinds:
        tables = {name for name, hint in get_type_hints(kind).items() if any(map(is_dataclass, get_args(hint)))}
        undefined = {field.name for field in fields(kind)} - set(METRICS) - STRUCTURE - tables
        assert not undefined, f"no metric says what {undefined} of {kind.__name__} are"


def test_each_figure_is_defined_once_by_a_sentence():
    assert len(METRICS) == len(TABLE)
    for metric in TABLE:
        assert metric.definition.endswith(".")
        assert metric.definition_zh.endswith("。")
        assert CHINESE.search(metric.definition_zh), metric.name
        assert metric.title
        assert metric.title_zh


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (150, 100, 5_000), (100, 150, -3_333), (0, 7, -10_000), (1, 0, None), (0, 0, None), (5, None, None),
        (SUPPRESSED, 5, None), (5, SUPPRESSED, None), (10, -10, 20_000), (-10, 10, -20_000),
    ],
)  # fmt: skip
def test_a_change_is_told_in_parts_of_what_was_before(now: Any, before: Any, expected: int | None):
    assert change(now, before) == expected


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12), st.sampled_from([1, 100, 10_000]))
def test_a_share_is_rounded_to_the_nearest(part: int, whole: int, of: int):
    found = share(part, whole, of)
    assert found is not None
    assert abs(2 * (found * whole - part * of)) <= whole


def test_there_is_no_share_of_nothing():
    assert share(0, 0) is None


@dataclass(frozen=True)
class Row:
    day: date
    fuel: str
    orders: int


def test_rows_are_compared_with_those_of_the_earlier_day():
    period = Period(date(2026, 5, 2), date(2026, 5, 3), ZoneInfo("UTC"))
    now = [Row(date(2026, 5, 2), "e5", 3), Row(date(2026, 5, 3), "e10", 4)]
    before = [Row(date(2026, 5, 1), "e5", 9), Row(date(2026, 4, 30), "e10", 9), Row(date(2026, 4, 30), "e5", 2)]
    earlier = aligned(now, before, ("day", "fuel"), period, Compare.PREVIOUS)
    assert earlier == [before[2], None]
    assert [changes(row, old) for row, old in zip(now, earlier, strict=True)] == [{"orders": 5_000}, {"orders": None}]


@given(st.lists(st.integers(0, 12), max_size=30))
def test_what_is_left_out_cannot_be_told_from_the_sum(drivers: list[int]):
    """Whoever takes what is shown from the sum of all is left with nothing, or with more than one small group."""
    out = hidden(drivers)
    assert {place for place, count in enumerate(drivers) if is_small(count)} <= out
    left = [drivers[place] for place in sorted(out)]
    shown_at_all = any(count >= LEAST_DRIVERS for count in drivers)
    assert not left or not shown_at_all or max(left) >= LEAST_DRIVERS


def test_what_is_left_out_is_looked_for_in_each_sum():
    assert hidden_within("aabb", [1, 9, 8, 7]) == {0, 1}
    assert hidden_within("aabb", [1, 1, 8, 7]) == {0, 1}
    assert hidden_within("ab", [4, 0]) == {0}


def test_figures_of_nobody_are_shown_and_those_of_few_are_not():
    assert [shown(7, drivers) for drivers in (0, 1, 4, 5)] == [7, SUPPRESSED, SUPPRESSED, 7]


def test_the_page_of_metrics_is_what_the_table_says():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make schemas`"
