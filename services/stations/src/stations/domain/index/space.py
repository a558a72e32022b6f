"""Where the stations are: a k-d tree of unit vectors, and beside it the few that came or moved since it was built."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue] - compiled, without a stub

from stations.domain.index.columns import Columns
from stations.domain.index.geometry import Floats, Rows, chord, unit_vector

Keep = Callable[[Rows], NDArray[np.bool_]]
"""Which of the rows to keep."""

MARGIN = 1 + 1e-9
"""The tree may return a little too much, never too little: who asks compares exact distances."""
FEW, GROWTH, MOST_NEIGHBOURS = 8, 4, 2_000
"""Neighbours are fetched a few more than asked for, then four times as many; beyond so many, all at once is cheaper."""


class Snapshot(NamedTuple):
    """What a tree is built from."""

    rows: Rows
    vectors: Floats

    def tree(self) -> cKDTree:
        """The tree: half a second's work for 500,000 places, without the interpreter's lock."""
        return cKDTree(self.vectors)


class Space:
    """Positions by row. A tree is never changed: rows that left it or moved are passed over until the next is built."""

    def __init__(self) -> None:
        self._columns = Columns(vector=("f8", 3), placed="?", in_tree="?")
        self._rows: Rows = np.zeros(0, np.int64)
        self._tree = cKDTree(np.zeros((0, 3)))
        self._beside: set[int] = set()
        self._beside_rows: Rows | None = None
        self._touched: set[int] | None = None

    @property
    def beside(self) -> int:
        """How many stations are not in the tree."""
        return len(self._beside)

    @property
    def vectors(self) -> Floats:
        """The positions, by row."""
        return self._columns["vector"]

    @property
    def bytes(self) -> int:
        """What positions and tree take: the tree keeps a copy of the vectors and an order of them."""
        return self._columns.bytes + self._rows.nbytes + self._tree.n * (3 + 1) * 8

    def place(self, row: int, lat: float, lon: float) -> None:
        """The station of the row is here now."""
        self._columns.reserve(row + 1)
        self._columns["vector"][row] = unit_vector(lat, lon)
        self._columns["placed"][row] = True
        self._leave_tree(row)
        self._beside.add(row)

    def remove(self, row: int) -> None:
        """The row has no station any more."""
        self._columns["placed"][row] = False
        self._leave_tree(row)
        self._beside.discard(row)

    def _leave_tree(self, row: int) -> None:
        self._columns["in_tree"][row] = False
        self._beside_rows = None
        if self._touched is not None:
            self._touched.add(row)

    def snapshot(self) -> Snapshot:
        """Begins a new tree: `snapshot.tree()`, in a thread if it is large, then `adopt`."""
        self._touched = set()
        rows = np.flatnonzero(self._columns["placed"])
        return Snapshot(rows, self._columns["vector"][rows])

    def adopt(self, snapshot: Snapshot, tree: cKDTree) -> None:
        """Uses the new tree; what changed since its snapshot stays beside it."""
        touched, self._touched = self._touched or set(), None
        self._tree, self._rows = tree, snapshot.rows
        in_tree = self._columns["in_tree"]
        in_tree[:] = False
        in_tree[snapshot.rows] = True
        in_tree[list(touched)] = False
        self._beside = {row for row in touched if self._columns["placed"][row]}
        self._beside_rows = None

    def within(self, origin: Floats, radius_m: float) -> Rows:
        """All rows within the radius, in any order; perhaps a few just outside."""
        found = self._tree.query_ball_point(origin, chord(radius_m) * MARGIN, return_sorted=False)
        return np.concatenate((self._still_there(np.asarray(found, np.int64)), self._all_beside()))

    def around(self, origins: Floats, radii_m: Floats) -> tuple[Rows, Rows]:
        """For several places with a radius each: pairs of a place's number and a row within its radius."""
        radii = np.array([chord(radius) * MARGIN for radius in radii_m.tolist()])
        places, points = _pairs(self._tree, origins, radii)
        rows = self._rows[points]
        still_there = self._columns["in_tree"][rows]
        beside = self._all_beside()
        more_places, more = _pairs(cKDTree(self.vectors[beside]), origins, radii)
        return (
            np.concatenate((places[still_there], more_places)),
            np.concatenate((rows[still_there], beside[more])),
        )

    def nearest(self, origin: Floats, radius_m: float, count: int, keep: Keep) -> Rows:
        """Rows that `keep` accepts, in any order: the nearest `count`, and all that are as near as the last of them."""
        beside = self._all_beside()
        beside = beside[keep(beside)]
        fetched = count + FEW
        while fetched <= MOST_NEIGHBOURS:
            apart, found = self._tree.query(origin, fetched, distance_upper_bound=chord(radius_m) * MARGIN)
            apart = apart[: int(np.searchsorted(apart, np.inf))]
            rows, chords = self._kept(found[: len(apart)], apart, keep)
            if len(apart) < fetched or (len(rows) >= count and chords[count - 1] < apart[-1]):
                return np.concatenate((rows, beside))
            fetched *= GROWTH
        rows = self.within(origin, radius_m)
        return rows[keep(rows)]

    def _kept(self, found: Rows, apart: Floats, keep: Keep) -> tuple[Rows, Floats]:
        rows = self._rows[found]
        kept = self._columns["in_tree"][rows]
        kept &= keep(rows)
        return rows[kept], apart[kept]

    def _still_there(self, found: Rows) -> Rows:
        """The rows of the tree's points, without those that left it."""
        rows = self._rows[found]
        return rows[self._columns["in_tree"][rows]]

    def _all_beside(self) -> Rows:
        if self._beside_rows is None:
            self._beside_rows = np.fromiter(self._beside, np.int64, len(self._beside))
        return self._beside_rows


def _pairs(tree: cKDTree, origins: Floats, radii: Floats) -> tuple[Rows, Rows]:
    """Numbers of origins and of the tree's points that lie within their radii."""
    found = tree.query_ball_point(origins, radii, return_sorted=False)
    counts = np.fromiter(map(len, found), np.int64, len(found))
    points = np.fromiter((point for points in found for point in points), np.int64, int(counts.sum()))
    return np.repeat(np.arange(len(found)), counts), points
