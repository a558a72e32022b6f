"""What is known of stations, read from the view of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import asin, cos, degrees, radians, sin, sqrt
from typing import Any
from uuid import UUID

from analytics.domain.folds.stations import DEGREE
from analytics.domain.folds.stations import Stations as View
from analytics.domain.views import Document
from analytics.repository.views import Views

EARTH_RADIUS_M = 6_378_100
"""The sphere that the stations service measures on, so that both agree."""
HALF_TURN, WHOLE_TURN = 180 * DEGREE, 360 * DEGREE
HIDDEN = {"_id": False, "n": False, "seen": False}


@dataclass(frozen=True, slots=True)
class Station:
    """A station as its owner service last told it."""

    station_id: UUID
    operator: str
    external_id: str
    name: str
    brand: str | None
    country: str
    region: str | None
    time_zone: str
    currency: str
    lat: float
    lon: float
    closed_at: datetime | None
    """When it closed for good; None: it is open."""


class Stations:
    """Reads of the view `stations`. Raises StoreUnavailable when the database is away."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def station(self, station_id: UUID) -> Station | None:
        """The station, closed or not; None where nothing is known of it."""
        found = await self._find({"_id": str(station_id)})
        return found[0] if found else None

    async def stations_of(self, operators: Iterable[str] = (), ids: Iterable[UUID | str] = ()) -> list[Station]:
        """The stations of the operators and those with the ids, closed ones too, by id."""
        either = [{"operator": {"$in": list(operators)}}, {"_id": {"$in": [str(one) for one in ids]}}]
        return sorted(await self._find({"$or": either}), key=lambda station: str(station.station_id))

    async def neighbours(
        self, station: Station, radius_m: int = 5_000, most: int = 10, open_after: datetime | None = None
    ) -> list[Station]:
        """The nearest others within the radius, the nearest first; those that closed are not among them, but (where
        `open_after` is given) those that closed later than that."""
        [near] = await self.neighbours_of([station], radius_m, most, open_after)
        return near

    async def neighbours_of(
        self, stations: Sequence[Station], radius_m: int = 5_000, most: int = 10, open_after: datetime | None = None
    ) -> list[list[Station]]:
        """The neighbours of each, by one query."""
        if not stations:
            return []
        around = await self.around(stations, radius_m, open_after)
        return [_nearest(station, around, radius_m)[:most] for station in stations]

    async def around(
        self, stations: Sequence[Station], radius_m: int, open_after: datetime | None = None,
        operators: Iterable[str] | None = None,
    ) -> list[Station]:  # fmt: skip
        """All that are within the radius of one of at least one station, these too, and some that are a little further,
        in no order; of these operators alone, where they are named."""
        boxes = {"$or": [_box(station, radius_m) for station in stations]}
        closed_after = [{"closed_at": {"$gt": open_after}}] if open_after else []
        theirs = [] if operators is None else [{"operator": {"$in": list(operators)}}]
        return await self._find({"$and": [boxes, {"$or": [{"closed_at": None}, *closed_after]}, *theirs]})

    async def _find(self, matching: Document) -> list[Station]:
        async with self._views.store.available():
            collection = await self._views.collection(View.name)
            return [_station(document) for document in await collection.find(matching, HIDDEN).to_list(None)]


def distance_m(one: Station, other: Station) -> float:
    """Over the ground, in a straight line (haversine)."""
    north, east = radians(other.lat - one.lat) / 2, radians(other.lon - one.lon) / 2
    chord = sin(north) ** 2 + cos(radians(one.lat)) * cos(radians(other.lat)) * sin(east) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord)))


def _nearest(station: Station, around: Iterable[Station], radius_m: int) -> list[Station]:
    measured = [(distance_m(station, other), str(other.station_id), other) for other in around]
    within = [one for one in measured if one[0] <= radius_m and one[2].station_id != station.station_id]
    return [other for _, _, other in sorted(within, key=lambda one: one[:2])]


def _box(station: Station, radius_m: int) -> Document:
    """All places within the radius and some beside; near a pole, where degrees of longitude are small, all around."""
    angle = degrees(radius_m / EARTH_RADIUS_M)
    widest = cos(radians(min(abs(station.lat) + angle, 90)))
    north = _between("lat_e6", round(station.lat * DEGREE), round(angle * DEGREE) + 1)
    if widest <= angle / 180:
        return north
    lon, reach = round(station.lon * DEGREE), round(angle / widest * DEGREE) + 1
    turns = [turn for turn in (-WHOLE_TURN, 0, WHOLE_TURN) if _meets(lon + turn, reach)]
    return {**north, "$or": [_between("lon_e6", lon + turn, reach) for turn in turns]}


def _meets(middle: int, reach: int) -> bool:
    """Whether what is within reach of the middle lies on the map: beyond the antimeridian it is met a turn away."""
    return middle - reach <= HALF_TURN and middle + reach >= -HALF_TURN


def _between(field: str, middle: int, reach: int) -> dict[str, Any]:
    return {field: {"$gte": middle - reach, "$lte": middle + reach}}


def _station(document: Document) -> Station:
    fields = {name: value for name, value in document.items() if name not in ("version", "lat_e6", "lon_e6")}
    return Station(**fields, lat=document["lat_e6"] / DEGREE, lon=document["lon_e6"] / DEGREE)
