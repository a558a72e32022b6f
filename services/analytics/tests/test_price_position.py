"""Positions against the same painted second by second, with exact fractions."""

from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.folds.station_prices import NOT_SOLD, milliseconds
from analytics.domain.periods import DAY, Period
from analytics.domain.price_position import SECOND, Position, positions
from analytics.domain.prices import clock_of
from analytics.domain.timelines import Timeline, pieces

LONG = 40
Line = list[tuple[int, int]]
LINES: st.SearchStrategy[Line] = st.lists(
    st.tuples(st.integers(-5, LONG + 5), st.sampled_from([NOT_SOLD, 1_650, 1_700, 1_701, 1_900])), max_size=6
).map(lambda line: sorted(line, key=lambda change: change[0]))
"""Second, and what it costs from then on."""
EDGES = st.sets(st.integers(0, LONG), min_size=2, max_size=5).map(sorted)


def line_of(line: Line) -> Timeline:
    columns = np.array(line, dtype=np.int64).reshape(-1, 2)
    return Timeline(columns[:, 0] * SECOND, columns[:, 1])


def placed(own: Line, others: list[Line], edges: list[int]) -> list[Position]:
    bounds = np.array(edges, dtype=np.int64) * SECOND
    parts = pieces(line_of(own), [line_of(one) for one in others], bounds)
    return positions(parts, np.searchsorted(bounds, parts.starts, "right") - 1, len(edges) - 1)


def at(line: Line, second: int) -> int:
    return ([NOT_SOLD] + [mills for since, mills in line if since <= second])[-1]


def half_up(total: Fraction | int, count: int | Fraction) -> int | None:
    return int((Fraction(total) / count + Fraction(1, 2)) // 1) if count else None


def painted(own: Line, others: list[Line], begin: int, end: int) -> Position:
    sold, compared, changes = [], [], 0
    for second in range(begin, end):
        asked, before = at(own, second), at(own, second - 1)
        theirs = [mills for one in others if (mills := at(one, second))]
        changes += bool(asked and before and asked != before)
        sold += [asked] if asked else []
        if asked and theirs:
            compared.append((asked, Fraction(sum(theirs), len(theirs)), sum(mills < asked for mills in theirs), theirs))
    mean_of_others = sum((one[1] for one in compared), Fraction())
    apart = sum((one[0] - one[1] for one in compared), Fraction())
    return Position(
        half_up(sum(sold), len(sold)), half_up(mean_of_others, len(compared)), half_up(apart, len(compared)),
        half_up(1_000 * apart, mean_of_others), half_up(sum(one[2] + 1 for one in compared), len(compared)),
        max((len(one[3]) for one in compared), default=0),
        half_up(1_000 * sum(one[2] == 0 for one in compared), len(compared)), changes, len(sold), len(compared),
    )  # fmt: skip


@given(LINES, st.lists(LINES, max_size=3), EDGES)
def test_positions_are_those_painted_second_by_second(own: Line, others: list[Line], edges: list[int]):
    for position, (begin, end) in zip(placed(own, others, edges), pairwise(edges), strict=True):
        expected = painted(own, others, begin, end)
        for name in Position.__dataclass_fields__:
            ours, theirs = getattr(position, name), getattr(expected, name)
            near = 1 if name in ("neighbour_price_mills", "price_difference_mills", "price_difference_per_mille") else 0
            assert ours == theirs or (ours is not None and theirs is not None and abs(ours - theirs) <= near), name


@given(LINES, st.lists(LINES, min_size=2, max_size=4))
def test_the_order_of_neighbours_is_no_matter(own: Line, others: list[Line]):
    assert placed(own, others, [0, 20, LONG]) == placed(own, others[::-1], [0, 20, LONG])


def test_a_station_that_begins_and_a_neighbour_that_ends_within_the_time():
    [position] = placed([(10, 1_700)], [[(0, 1_650), (20, NOT_SOLD)]], [0, 40])
    assert (position.sold_seconds, position.compared_seconds, position.price_rank) == (30, 10, 2)
    assert (position.price_mills, position.price_difference_mills, position.price_changes) == (1_700, 50, 0)


def test_alone_there_is_nothing_to_compare():
    [position] = placed([(0, 1_700)], [], [0, 40])
    assert position == Position(1_700, None, None, None, None, 0, None, 0, 40, 0)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Asia/Shanghai", "2026-04-10", 24), ("Asia/Kolkata", "2026-04-10", 24), ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25), ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", 23.5), ("America/Sao_Paulo", "2018-11-04", 23),
    ],
)  # fmt: skip
def test_hours_are_those_of_the_stations_clock(zone: str, day: str, hours: float):
    at = date.fromisoformat(day)
    period = Period(at - DAY, at + DAY, ZoneInfo(zone))
    clock = clock_of(period, period.ends_at + DAY)
    assert (np.diff(clock.edges) > 0).all()
    assert (clock.edges[0], clock.edges[-1]) == (milliseconds(period.starts_at), milliseconds(period.ends_at))
    ends_at = Period(at, at, period.zone).ends_at
    own = clock.edges[:-1][clock.day == 1]
    assert milliseconds(ends_at) - own[0] == hours * 3_600 * SECOND
    for edge, place, hour in zip(clock.edges.tolist(), clock.day.tolist(), clock.hour.tolist(), strict=False):
        local = datetime.fromtimestamp(edge / SECOND, period.zone)
        assert (local.date(), local.hour) == (period.days[place], hour)


def test_hours_that_have_not_begun_are_not_there():
    period = Period(date(2026, 4, 10), date(2026, 4, 12), ZoneInfo("UTC"))
    clock = clock_of(period, datetime(2026, 4, 10, 2, 30, tzinfo=UTC))
    assert clock.hour.tolist() == [0, 1, 2]
    assert clock.edges[-1] - clock.edges[-2] == 1_800 * SECOND
    assert len(clock_of(period, period.starts_at).hour) == 0
