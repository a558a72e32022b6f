"""Positions against the same painted second by second, with exact fractions."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.folds.station_prices import NOT_SOLD
from analytics.domain.price_position import SECOND, Position, positions
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
