"""What the pumps of all stations do, a few bytes for each."""

import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.vocabulary import Fuel, PumpStatus
from stations.domain.pumps import Queue, make_queue

BIT_OF: Mapping[str, int] = {fuel: 1 << place for place, fuel in enumerate(Fuel)}
EVERY_GRADE = (1 << len(Fuel)) - 1
NOT_COUNTED = 255
_FREE, _BUSY, _OUT_OF_ORDER = range(3)
_KIND_OF: Mapping[str, int] = {PumpStatus.FREE: _FREE, PumpStatus.OUT_OF_ORDER: _OUT_OF_ORDER}
_PACKED = struct.Struct("<IIBB")
"""Version, grades, free or busy or out of order, waiting vehicles."""


class PumpState(NamedTuple):
    """A pump as an event or the store tells it. A pump whose grades nobody declared counts for every grade."""

    pump_id: str
    version: int
    status: str
    fuels: Iterable[str]
    waiting_vehicles: int | None = None


NO_PUMPS = make_queue(0, 0, 0, None)


class PumpBoard:
    """Pumps by row. Stations whose pumps have the same ids share one tuple of them."""

    def __init__(self) -> None:
        self._stations: dict[int, tuple[tuple[str, ...], bytes]] = {}
        self._shared: dict[tuple[str, ...], tuple[str, ...]] = {}

    def put(self, row: int, pumps: Iterable[PumpState]) -> int:
        """Takes what is newer; returns the grades, as bits, that have a free pump."""
        ids, packed = self._stations.get(row, ((), b""))
        known = dict(zip(ids, _PACKED.iter_unpack(packed), strict=True))
        for pump in pumps:
            if pump.version > known.get(pump.pump_id, (0,))[0]:
                known[pump.pump_id] = _pack(pump)
        if known:
            names = tuple(sorted(known))
            names = self._shared.setdefault(names, names)
            self._stations[row] = names, b"".join(_PACKED.pack(*known[name]) for name in names)
        return _free_grades(known.values())

    def forget(self, row: int) -> None:
        """The row has no station any more."""
        self._stations.pop(row, None)

    def queue(self, row: int, fuel: str | None) -> Queue:
        """The station's pumps that give the grade, or all."""
        known = self._stations.get(row)
        if known is None:
            return NO_PUMPS
        wanted = EVERY_GRADE if fuel is None else BIT_OF[fuel]
        counts, waiting = [0, 0, 0], -1
        for _, grades, kind, queued in _PACKED.iter_unpack(known[1]):
            if grades & wanted:
                counts[kind] += 1
                if queued != NOT_COUNTED:
                    waiting = max(waiting, 0) + queued
        free, busy, out_of_order = counts
        return make_queue(free, busy, out_of_order, waiting if waiting >= 0 else None)


def _pack(pump: PumpState) -> tuple[int, int, int, int]:
    grades = sum(BIT_OF.get(fuel, 0) for fuel in set(pump.fuels)) or EVERY_GRADE
    waiting = NOT_COUNTED if pump.waiting_vehicles is None else min(pump.waiting_vehicles, NOT_COUNTED - 1)
    return pump.version, grades, _KIND_OF.get(pump.status, _BUSY), waiting


def _free_grades(pumps: Iterable[tuple[int, ...]]) -> int:
    free = 0
    for _, grades, kind, _ in pumps:
        if kind == _FREE:
            free |= grades
    return free
