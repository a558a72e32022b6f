"""The searches over the index: which stations count, and in which order."""

from datetime import datetime, timedelta
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from stations.domain.index.geometry import Floats, Rows, distances_m, unit_vector
from stations.domain.index.grades import milliseconds
from stations.domain.index.hours import OPEN
from stations.domain.index.index import StationIndex
from stations.domain.index.prices import net_prices, shown_net_prices
from stations.domain.index.pumps import BIT_OF
from stations.domain.index.questions import Along, Filters, Hit, Nearby, NetPrice
from stations.domain.index.route import Route
from stations.domain.index.space import Keep
from stations.domain.net_price import detour_m
from stations.domain.text import folded

Question = Nearby | Along


class Search:
    """Answers questions from an index; a price that nobody confirmed for `stale_after` ranks behind all fresh ones."""

    def __init__(self, index: StationIndex, stale_after: timedelta) -> None:
        self.index = index
        self.stale_after_ms = stale_after // timedelta(milliseconds=1)

    def nearby(self, question: Nearby, now: datetime) -> list[Hit]:
        """The first `limit` stations around the place; equal ones in the order of their ids."""
        origin = unit_vector(question.lat, question.lon)
        keep, space = self.keeper(question.filters, now), self.index.space
        if question.sort == "distance":
            rows = space.nearest(origin, question.radius_m, question.limit, keep)
        else:
            rows = space.within(origin, question.radius_m)
            rows = rows[keep(rows)]
        distances = distances_m(space.vectors[rows], origin)
        inside = distances <= question.radius_m
        return self._best(question, rows[inside], distances[inside], None, now)

    def along(self, question: Along, now: datetime) -> list[Hit]:
        """The first `limit` stations whose detour from the route is not longer than asked for."""
        route = Route(question.points)
        found = route.near(self.index.space, question.max_detour_m, self.keeper(question.filters, now))
        inside = detour_m(_whole(found.distances)) <= question.max_detour_m
        return self._best(question, found.rows[inside], found.distances[inside], _whole(found.positions[inside]), now)

    def keeper(self, filters: Filters, now: datetime) -> Keep:
        """Tells which rows pass the filters."""
        index, columns, fuel = self.index, self.index.columns, filters.fuel
        brand = None if filters.brand is None else index.brands.find(folded(filters.brand))
        bits = None if not filters.pump_free else BIT_OF[fuel] if fuel else -1
        facilities = self._facility_codes(filters.facilities) if filters.facilities else None

        def keep(rows: Rows) -> NDArray[np.bool_]:
            kept = columns["known"][rows]
            if fuel is not None:
                kept &= index.grades.mills(fuel, rows) > 0
            if brand is not None:
                kept &= columns["brand"][rows] == brand
            if facilities is not None:
                kept &= facilities[columns["facilities"][rows]]
            if bits is not None:
                kept &= (columns["free_grades"][rows].astype(np.int64) & bits) != 0
            if filters.open_now and kept.any():
                kept[kept] = index.hours.states(columns["hours"][rows[kept]], now) == OPEN
            return kept

        return keep

    def is_stale(self, fuel: str, rows: Rows, now: datetime) -> NDArray[np.bool_]:
        """Whose price nobody confirmed for too long."""
        return milliseconds(now) - self.index.grades.confirmed(fuel, rows) > self.stale_after_ms

    def _facility_codes(self, wanted: frozenset[str]) -> NDArray[np.bool_]:
        sets = self.index.facilities.values
        return np.fromiter((wanted <= one for one in sets), np.bool_, len(sets))

    def _best(
        self, question: Question, rows: Rows, distances: Floats, positions: NDArray[np.int64] | None, now: datetime
    ) -> list[Hit]:
        index, fuel, columns, prices = self.index, question.filters.fuel, self.index.columns, None
        whole = _whole(distances)
        keys = [columns["low"][rows], columns["high"][rows], distances]
        if fuel is not None and question.sort in ("price", "net_price"):
            prices = net_prices(index, rows, detour_m(whole), fuel, question.buying, now)
            compared = prices.net if question.sort == "net_price" else prices.pump
            ranks = index.grades.currency_ranks(prices.currencies)
            keys += [compared, ranks, self.is_stale(fuel, rows, now)]
        first = np.lexsort(keys)[: question.limit]
        shown: list[NetPrice] | list[None] = [None] * len(first)
        if prices is not None:
            shown = shown_net_prices(index, prices, first, question.buying)
        elif fuel is not None:
            prices = net_prices(index, rows[first], detour_m(whole[first]), fuel, question.buying, now)
            shown = shown_net_prices(index, prices, np.arange(len(first)), question.buying)
        where = [None] * len(first) if positions is None else positions[first].tolist()
        metres = whole[first]
        hits = zip(rows[first].tolist(), metres.tolist(), detour_m(metres).tolist(), where, shown, strict=True)
        return list(starmap(Hit, hits))


def _whole(metres: Floats) -> NDArray[np.int64]:
    return np.rint(metres).astype(np.int64)
