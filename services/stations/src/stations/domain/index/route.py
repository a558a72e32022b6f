"""Stations along a route: how far each lies from it, and where along it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stations.domain.index.geometry import EARTH_RADIUS_M, Floats, Rows, arc_m, unit_vectors
from stations.domain.index.space import Keep, Space
from stations.domain.net_price import CIRCUITY_TENTHS

PIECES_AT_ONCE = 200
"""So that memory stays bounded, however many stations lie along a long route."""
SHORTEST_PIECE_M = 2_000.0
"""Long legs are looked at in pieces about as long as the search is wide, so that few stations are looked at in vain."""


class NearRoute(NamedTuple):
    """Stations by row, their distances from the route and the nearest points' positions along it, in metres."""

    rows: Rows
    distances: Floats
    positions: Floats


class Pieces(NamedTuple):
    """Short parts of a route: starts and ends as vectors, where along the route they begin, and their lengths."""

    starts: Floats
    ends: Floats
    begins_m: Floats
    lengths_m: Floats


class Route:
    """Great circles from point to point; a point that repeats the one before it is left out."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        corners = unit_vectors(*np.asarray(points, np.float64).T)
        moved = np.concatenate(([True], np.any(corners[1:] != corners[:-1], axis=1)))
        self._corners = corners[moved]
        self._legs_m = arc_m(np.linalg.norm(np.diff(self._corners, axis=0), axis=1))

    @property
    def length_m(self) -> float:
        """From the first point to the last; 0 for a route that stays where it is."""
        return float(self._legs_m.sum())

    def near(self, space: Space, max_detour_m: int, keep: Keep) -> NearRoute:
        """Each kept station whose way there and back is at most so long, and a few more, with its nearest point."""
        width_m = max_detour_m * 10 / (2 * CIRCUITY_TENTHS) + 1
        pieces = self._pieces(max(SHORTEST_PIECE_M, 2 * width_m))
        found = [
            _near_pieces(Pieces(*(part[first : first + PIECES_AT_ONCE] for part in pieces)), width_m, space, keep)
            for first in range(0, len(pieces.starts), PIECES_AT_ONCE)
        ]
        return _nearest_once(NearRoute(*(np.concatenate(parts) for parts in zip(*found, strict=True))))

    def _pieces(self, longest_m: float) -> Pieces:
        """The legs cut into equal pieces."""
        counts = np.maximum(1, np.ceil(self._legs_m / longest_m)).astype(np.int64)
        legs = np.repeat(np.arange(len(counts)), counts)
        numbers = np.arange(len(legs)) - np.repeat(np.cumsum(counts) - counts, counts)
        lengths = self._legs_m[legs] / counts[legs]
        begins = np.concatenate(([0.0], np.cumsum(self._legs_m)[:-1]))[legs] + numbers * lengths
        starts = self._on_leg(legs, numbers / counts[legs])
        return Pieces(starts, self._on_leg(legs, (numbers + 1) / counts[legs]), begins, lengths)

    def _on_leg(self, legs: NDArray[np.int64], share: Floats) -> Floats:
        """The points so far along their legs (spherical interpolation)."""
        angles = self._legs_m[legs] / EARTH_RADIUS_M
        before, after = np.sin((1 - share) * angles) / np.sin(angles), np.sin(share * angles) / np.sin(angles)
        return before[:, None] * self._corners[legs] + after[:, None] * self._corners[legs + 1]


def _near_pieces(pieces: Pieces, width_m: float, space: Space, keep: Keep) -> NearRoute:
    """The kept stations so near the pieces, each once."""
    middles = pieces.starts + pieces.ends
    middles /= np.linalg.norm(middles, axis=1)[:, None]
    numbers, rows = space.around(middles, pieces.lengths_m / 2 + width_m)
    kept = keep(rows)
    numbers, rows = numbers[kept], rows[kept]
    starts, ends, begins_m, lengths_m = (part[numbers] for part in pieces)
    distances, ahead_m = _from_piece(space.vectors[rows], starts, ends, lengths_m)
    return _nearest_once(NearRoute(rows, distances, begins_m + ahead_m))


def _nearest_once(found: NearRoute) -> NearRoute:
    """Of each row its nearest entry."""
    order = np.lexsort((found.positions, found.distances, found.rows))
    _, first = np.unique(found.rows[order], return_index=True)
    nearest = order[first]
    return NearRoute(found.rows[nearest], found.distances[nearest], found.positions[nearest])


def _from_piece(places: Floats, starts: Floats, ends: Floats, lengths_m: Floats) -> tuple[Floats, Floats]:
    """Of pairs of a place and a piece: the distance in metres, and how far along the piece its nearest point is."""
    poles = np.cross(starts, ends - starts)  # not `ends` itself: of short pieces too much would cancel out
    poles /= np.linalg.norm(poles, axis=1)[:, None]
    forwards = np.cross(poles, starts)
    ahead = np.arctan2(_dot(places, forwards), _dot(places, starts)) * EARTH_RADIUS_M
    beside = np.arcsin(np.minimum(np.abs(_dot(places, poles)), 1.0)) * EARTH_RADIUS_M
    to_start = arc_m(np.linalg.norm(places - starts, axis=1))
    to_end = arc_m(np.linalg.norm(places - ends, axis=1))
    distances = np.where(ahead <= 0, to_start, np.where(ahead >= lengths_m, to_end, beside))
    return distances, np.clip(ahead, 0, lengths_m)


def _dot(left: Floats, right: Floats) -> Floats:
    return np.einsum("ij,ij->i", left, right)
