"""The index itself: takes what stations, prices and pumps become, in any order and more than once."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from stations.domain.campaigns import Campaigns
from stations.domain.index.columns import Codes, Columns
from stations.domain.index.geometry import Rows
from stations.domain.index.grades import Grades, Price
from stations.domain.index.hours import OpenStates
from stations.domain.index.pumps import PumpBoard, PumpState
from stations.domain.index.space import Space
from stations.domain.stations import Station
from stations.domain.text import folded

MOST_WAITING = 50_000
"""Prices may come before their station; of so many stations they wait."""
_encode = msgspec.json.Encoder().encode


class StationIndex:
    """Every station that is not closed, by row; a row is reused when its station closes."""

    def __init__(self) -> None:
        self.space = Space()
        self.grades = Grades()
        self.hours = OpenStates()
        self.pumps = PumpBoard()
        self.campaigns = Campaigns()
        self.operators: Codes[str] = Codes()
        self.brands: Codes[str | None] = Codes()
        self.facilities: Codes[frozenset[str]] = Codes()
        self.zones: Codes[str] = Codes()
        self.columns = Columns(
            high="u8", low="u8", lat="f8", lon="f8", version="i4", operator="i4", brand="i4", facilities="i4",
            hours="i4", zone="i2", free_grades="u4", known="?",
        )  # fmt: skip
        self.shown: list[bytes] = []
        """Of each row, what every answer shows of the station, as JSON members."""
        self.generation = 0
        """Changes whenever stations come or go."""
        self._row_of: dict[bytes, int] = {}
        self._free_rows: list[int] = []
        self._waiting: OrderedDict[bytes, dict[str, Price]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._row_of)

    def put(self, station: Station, prices: Mapping[str, Price] | None = None) -> None:
        """A station as it is now; with an older version only what is newer of its pumps and prices counts."""
        if station.closed_at is not None:
            return self.remove(station.id, station.version)
        key = station.id.bytes
        row = self._row_of.get(key)
        if row is None:
            row = self._new_row(station.id)
        if station.version > self.columns["version"][row]:
            self._describe(row, station)
        pumps = [PumpState(p.pump_id, p.version, p.status, p.fuels, p.waiting_vehicles) for p in station.pumps]
        self.columns["free_grades"][row] = self.pumps.put(row, pumps)
        for told in (prices or {}, self._waiting.pop(key, {})):
            for fuel, price in told.items():
                self.grades.put(row, fuel, price)

    def remove(self, station_id: UUID, version: int) -> None:
        """The station closed for good."""
        row = self._row_of.get(station_id.bytes)
        if row is None or version < self.columns["version"][row]:
            return
        del self._row_of[station_id.bytes]
        self.columns.set(row, {"known": False, "version": 0})
        self.space.remove(row)
        self.grades.forget(row)
        self.pumps.forget(row)
        self.shown[row] = b""
        self._free_rows.append(row)
        self.generation += 1

    def price(self, station_id: UUID, fuel: str, price: Price) -> None:
        """A price changed. One of a station that is not known yet waits for it."""
        row = self._row_of.get(station_id.bytes)
        if row is not None:
            return self.grades.put(row, fuel, price)
        waiting = self._waiting.setdefault(station_id.bytes, {})
        if fuel not in waiting or price.version > waiting[fuel].version:
            waiting[fuel] = price
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)

    def confirm(self, station_id: UUID, fuel: str, version: int, confirmed: int) -> None:
        """A price was still right at that time."""
        if (row := self._row_of.get(station_id.bytes)) is not None:
            self.grades.confirm(row, fuel, version, confirmed)

    def pump(self, station_id: UUID, pump: PumpState) -> None:
        """A pump does something else; of a station that is not known yet the store will tell it."""
        if (row := self._row_of.get(station_id.bytes)) is not None:
            self.columns["free_grades"][row] = self.pumps.put(row, [pump])

    def knows(self, station_id: UUID, version: int) -> bool:
        """Whether the station is here in this version or a later one."""
        row = self._row_of.get(station_id.bytes)
        return row is not None and version <= self.columns["version"][row]

    def rows_of(self, station_ids: list[UUID]) -> Rows:
        """The rows of those stations that are known."""
        found = [row for one in station_ids if (row := self._row_of.get(one.bytes)) is not None]
        return np.asarray(found, np.int64)

    def known_rows(self) -> Rows:
        """The rows of all stations."""
        return np.flatnonzero(self.columns["known"])

    def zone_flags(self, codes: NDArray[Any], holds: Any) -> NDArray[np.bool_]:
        """For each zone's number whether `holds(zone)`, which is asked once per zone."""
        distinct = np.unique(codes)
        flags = np.zeros(len(self.zones.values) + 1, np.bool_)
        flags[distinct] = [holds(ZoneInfo(self.zones.values[code])) for code in distinct.tolist()]
        return flags[codes]

    @property
    def bytes(self) -> int:
        """About what the index takes: arrays, texts, and what Python adds for each."""
        texts = sum(map(len, self.shown)) + 41 * len(self.shown)
        return self.columns.bytes + self.space.bytes + self.grades.bytes + texts + 160 * len(self._row_of)

    def _new_row(self, station_id: UUID) -> int:
        row = self._free_rows.pop() if self._free_rows else len(self.shown)
        if row == len(self.shown):
            self.shown.append(b"")
        self._row_of[station_id.bytes] = row
        self.columns.reserve(row + 1)
        self.grades.reserve(self.columns.rows)
        self.columns.set(row, {
            "high": station_id.int >> 64, "low": station_id.int & (2**64 - 1), "known": True, "version": 0,
        })  # fmt: skip
        self.generation += 1
        return row

    def _describe(self, row: int, station: Station) -> None:
        profile, columns = station.profile, self.columns
        place = profile["lat"], profile["lon"]
        if not columns["version"][row] or place != (columns["lat"][row], columns["lon"][row]):
            self.space.place(row, *place)
        columns.set(row, {
            "version": station.version, "lat": profile["lat"], "lon": profile["lon"],
            "operator": self.operators.code(station.operator),
            "brand": self.brands.code(folded(profile["brand"]) if profile["brand"] else None),
            "facilities": self.facilities.code(frozenset(profile["facilities"])),
            "hours": self.hours.code(profile), "zone": self.zones.code(profile["time_zone"]),
        })  # fmt: skip
        shown = {"station_id": station.id, "operator": station.operator}
        shown |= {name: profile[name] for name in ("name", "brand", "address")}
        self.shown[row] = _encode(shown)[1:-1]
