"""Distances on the ground, and boxes that hold a circle."""

from math import asin, cos, degrees, pi, radians, sin, sqrt
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_008.8
"""The mean radius (IUGG)."""

Place = tuple[float, float]
"""Latitude and longitude in degrees, WGS-84."""


class Box(NamedTuple):
    """Degrees; `west` is never east of `east`."""

    south: float
    west: float
    north: float
    east: float


def distance_m(a: Place, b: Place) -> float:
    """Metres between two places on the sphere (haversine)."""
    south, north = radians(a[0]), radians(b[0])
    across, along = sin((north - south) / 2), sin(radians(b[1] - a[1]) / 2)
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(across * across + cos(south) * cos(north) * along * along)))


def box_around(place: Place, radius_m: float) -> Box:
    """A box that holds the circle; where that crosses a pole or the date line, it goes all round the Earth."""
    lat, lon = place
    reach = radius_m / EARTH_RADIUS_M * 1.000_001
    south, north = lat - degrees(reach), lat + degrees(reach)
    if radians(abs(lat)) + reach < pi / 2:
        width = degrees(asin(sin(reach) / cos(radians(lat))))
        if width <= 180 - abs(lon):
            return Box(south, lon - width, north, lon + width)
    return Box(max(south, -90.0), -180.0, min(north, 90.0), 180.0)
