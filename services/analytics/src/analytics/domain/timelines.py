"""What a fuel cost at a station over time, and the pieces of time in which it stayed the same. Arrays, no I/O."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.domain.folds.station_prices import NOT_SOLD, milliseconds

Moments = NDArray[np.int64]
"""Milliseconds since 1970 UTC, ascending."""
Mills = NDArray[np.int64]
"""Prices, or NOT_SOLD."""
Rows = NDArray[np.int64]
"""Counts, or places in other arrays."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Timeline(NamedTuple):
    """What it cost from each moment on until the next, the last of equal moments; NOT_SOLD before the first."""

    moments: Moments
    mills: Mills

    def at(self, moments: Moments, side: Literal["left", "right"] = "right") -> Mills:
        """What it cost at the moments, or (left) just before them."""
        return np.append(NOT_SOLD, self.mills)[np.searchsorted(self.moments, moments, side)]


def timeline(changes: Iterable[list[Any]], currency: str, closed_at: datetime | None = None) -> Timeline:
    """From a view's changes, in any order; in another currency it counts as not sold, and so does a closed station's.

    See folds.station_prices for which change holds.
    """
    end = milliseconds(closed_at) if closed_at else None
    held = [(at, mills if paid_in == currency else NOT_SOLD) for at, _, mills, paid_in in sorted(changes)]
    if end is not None:
        held = [(at, mills) for at, mills in held if at < end] + [(end, NOT_SOLD)]
    columns = np.array(held, dtype=np.int64).reshape(-1, 2)
    return Timeline(columns[:, 0], columns[:, 1])


class Pieces(NamedTuple):
    """Pieces of time in which neither the station's price changed nor a neighbour's, one after the other."""

    starts: Moments
    lengths: Moments
    own: Mills
    """What the station asked."""
    changed: Flags
    """Whether it asked another price just before: that it began to sell, or sells no more, is no change of price."""
    neighbours: Rows
    """How many neighbours sold."""
    others: Floats
    """What they asked on average; 0 where none sold."""
    cheaper: Rows
    """How many of them asked less than the station."""


def pieces(own: Timeline, others: Sequence[Timeline], edges: Moments) -> Pieces:
    """The time between the first edge and the last, cut at each edge and at each change."""
    begin, end = edges[0], edges[-1]
    every = np.sort(np.concatenate([edges[:-1], *(line.moments for line in (own, *others))]))
    within = every[(every >= begin) & (every < end)]
    starts = within[np.diff(within, prepend=begin - 1) > 0]
    asked, before = own.at(starts), own.at(starts, "left")
    theirs = np.array([line.at(starts) for line in others], dtype=np.int64).reshape(len(others), len(starts))
    selling = theirs != NOT_SOLD
    neighbours = selling.sum(axis=0)
    return Pieces(
        starts, np.diff(np.append(starts, end)), asked,
        (asked != before) & (asked != NOT_SOLD) & (before != NOT_SOLD),
        neighbours, theirs.sum(axis=0) / np.maximum(neighbours, 1), (selling & (theirs < asked)).sum(axis=0),
    )  # fmt: skip
