"""Where a station's price stood among those of its neighbours, by the time that each price held."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.domain.folds.station_prices import NOT_SOLD
from analytics.domain.timelines import Floats, Pieces, Rows, Timeline, pieces

SECOND = 1_000
NOBODY = Timeline(np.array([], dtype=np.int64), np.array([], dtype=np.int64))


@dataclass(frozen=True)
class Position:
    """Of some time; see domain.metrics for what each figure says. None: it was not sold, or there was nobody else."""

    price_mills: int | None
    neighbour_price_mills: int | None
    price_difference_mills: int | None
    price_difference_per_mille: int | None
    price_rank: int | None
    neighbours: int
    cheapest_per_mille: int | None
    price_changes: int
    sold_seconds: int
    compared_seconds: int


def positions(parts: Pieces, groups: Rows, size: int) -> list[Position]:
    """A position for each of `size` groups; `groups` says to which each piece belongs.

    Means are of floats, rounded half up once at the end: with equal pieces they come out equal.
    """
    sold = np.where(parts.own != NOT_SOLD, parts.lengths, 0)
    compared = np.where(parts.neighbours > 0, sold, 0)

    def total(values: NDArray[Any]) -> Floats:
        return np.bincount(groups, weights=values, minlength=size).astype(np.float64)

    sold_for, compared_for = total(sold), total(compared)
    apart, theirs = total(compared * (parts.own - parts.others)), total(compared * parts.others)
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, groups, np.where(compared > 0, parts.neighbours, 0))
    columns = (
        _shares(total(sold * parts.own), sold_for),
        _shares(theirs, compared_for),
        _shares(apart, compared_for),
        _shares(1_000 * apart, theirs),
        _shares(total(compared * (parts.cheaper + 1)), compared_for),
        most.tolist(),
        _shares(1_000 * total(compared * (parts.cheaper == 0)), compared_for),
        total(parts.changed).astype(np.int64).tolist(),
        (sold_for // SECOND).astype(np.int64).tolist(),
        (compared_for // SECOND).astype(np.int64).tolist(),
    )
    return [Position(*row) for row in zip(*columns, strict=True)]


def average(lines: Sequence[Timeline], begin: int, end: int) -> int | None:
    """What they asked on average at a time, weighted by time; None where nobody sold."""
    parts = pieces(NOBODY, lines, np.array([begin, end], dtype=np.int64))
    selling = np.where(parts.neighbours > 0, parts.lengths, 0)
    [mean] = _shares(np.array([selling @ parts.others]), np.array([selling.sum()], dtype=np.float64))
    return mean


def _shares(part: Floats, whole: Floats) -> list[int | None]:
    """Part by whole, rounded half up; None where there is no whole."""
    rounded = np.floor(part / np.maximum(whole, 1) + 0.5).astype(np.int64).tolist()
    return [value if some else None for value, some in zip(rounded, (whole > 0).tolist(), strict=True)]
