"""Where a station lies: its coordinates as a feed writes them, and the zone of its clocks."""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

import tzfpy

from feeds.values import number, plain

_SCALE = 100_000


class Place(NamedTuple):
    """A point in WGS-84 degrees, as the feed has it; whether it lies on Earth is for others to judge."""

    lat: float
    lon: float


def place(latitude: object, longitude: object) -> Place:
    """A point from numbers or texts, with a decimal point or comma. Raises ValueError."""
    return Place(float(_named(latitude, "latitude")), float(_named(longitude, "longitude")))


def scaled_place(latitude: object, longitude: object) -> Place:
    """A point in hundred-thousandths of a degree, or in degrees where the latitude can only be that. ValueError."""
    lat, lon = _named(latitude, "latitude"), _named(longitude, "longitude")
    scale = _SCALE if abs(lat) > 90 else 1  # near Greenwich a longitude in either unit could be a longitude
    return Place(float(lat / scale), float(lon / scale))


def _named(value: object, name: str) -> Decimal:
    if plain(value) == "":
        raise ValueError(f"{name} is missing")
    try:
        return number(value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error


def time_zone(at: Place, zones: Collection[str], usual: str) -> str:
    """The IANA zone of a point, of those that a country has; the usual one where the map knows better or nothing."""
    zone = tzfpy.get_tz(at.lon, at.lat)
    return zone if zone in zones else usual
