"""Stations of a map: those that lie in one cell of a grid together as a cluster, bounded however large the map."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stations.domain.box import BoundingBox
from stations.domain.index.geometry import Rows
from stations.domain.index.questions import Filters
from stations.domain.index.search import Search

MOST_CELLS = 500
CELLS_PER_TILE = 4
"""A map's tile is 256 pixels wide, so stations within 64 pixels come together."""
SINGLY = 50
"""So few stations are shown one by one, however near one another they lie."""
NORTHERNMOST = 85.051_129
"""Where the square map of the world (EPSG:3857) ends."""


@dataclass(frozen=True, slots=True)
class MapView:
    """What a map shows (WGS-84), at a zoom of the usual tiles: at 0 one tile is the world."""

    box: BoundingBox
    zoom: int
    filters: Filters


class Cheapest(NamedTuple):
    """The lowest fresh price of a cluster in one currency; the lowest stale one where none is fresh."""

    currency: str
    price_mills: int
    stale: bool


class Cluster(NamedTuple):
    """Stations that lie close together on the map; `lat`, `lon` is the middle of their places."""

    stations: int
    lat: float
    lon: float
    bounds: BoundingBox
    cheapest: list[Cheapest]


class MapAnswer(NamedTuple):
    """Clusters, and the rows of stations that stand alone; `zoom` is smaller than wanted where there were too many."""

    zoom: int
    clusters: list[Cluster]
    rows: Rows


def clusters(search: Search, view: MapView, now: datetime) -> MapAnswer:
    """The map's stations, the largest clusters first."""
    rows = rows_in(search, view.box)
    rows = rows[search.keeper(view.filters, now)(rows)]
    if len(rows) <= SINGLY:
        return MapAnswer(view.zoom, [], rows)
    zoom, numbers, counts = _cells(search, rows, view.zoom)
    alone = counts[numbers] == 1
    order = np.argsort(numbers, kind="stable")
    groups = np.split(rows[order], np.cumsum(counts)[:-1])
    found = [_cluster(search, group, view.filters.fuel, now) for group in groups if len(group) > 1]
    return MapAnswer(zoom, sorted(found, key=lambda one: -one.stations), rows[alone])


def rows_in(search: Search, box: BoundingBox) -> Rows:
    """The rows of the stations in a box, edges included."""
    columns = search.index.columns
    lat, lon = columns["lat"], columns["lon"]
    inside = columns["known"] & (lat >= box.south) & (lat <= box.north)
    east_of, west_of = lon >= box.west, lon <= box.east
    return np.flatnonzero(inside & ((east_of | west_of) if box.crosses_antimeridian else (east_of & west_of)))


def _cells(search: Search, rows: Rows, zoom: int) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Each row's cell by number, and how many rows each cell has; the grid grows coarser until the cells are few."""
    east, south = _on_map(search, rows)
    while True:
        size = CELLS_PER_TILE << zoom
        cells = (south * size).astype(np.int64) * (size + 1) + (east * size).astype(np.int64)
        _, numbers, counts = np.unique(cells, return_inverse=True, return_counts=True)
        if len(counts) <= MOST_CELLS or zoom == 0:
            return zoom, numbers, counts
        zoom -= 1


def _on_map(search: Search, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the rows lie on the square map, from 0 to 1: from the antimeridian eastwards, from the north southwards."""
    columns = search.index.columns
    north = np.radians(np.clip(columns["lat"][rows], -NORTHERNMOST, NORTHERNMOST))
    south = (1 - np.arctanh(np.sin(north)) / np.pi) / 2
    return (columns["lon"][rows] + 180) / 360, np.clip(south, 0, 1)


def _cluster(search: Search, rows: Rows, fuel: str | None, now: datetime) -> Cluster:
    """No cell crosses the antimeridian, so plain means and bounds of longitudes are right."""
    lat, lon = search.index.columns["lat"][rows], search.index.columns["lon"][rows]
    bounds = BoundingBox(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
    cheapest = [] if fuel is None else _cheapest(search, rows, fuel, now)
    return Cluster(len(rows), float(lat.mean()), float(lon.mean()), bounds, cheapest)


def _cheapest(search: Search, rows: Rows, fuel: str, now: datetime) -> list[Cheapest]:
    grades = search.index.grades
    mills, codes, stale = grades.mills(fuel, rows), grades.currency_codes(fuel, rows), search.is_stale(fuel, rows, now)
    found = []
    for code in np.unique(codes).tolist():
        here = codes == code
        is_stale = bool(stale[here].all())
        price_mills = int(mills[here & (stale == is_stale)].min())
        found.append(Cheapest(grades.currencies.values[code], price_mills, is_stale))
    return sorted(found)
