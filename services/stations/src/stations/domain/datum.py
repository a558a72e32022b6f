"""Coordinates in the datums of maps: WGS-84, and what Chinese maps make of it, GCJ-02 and Baidu's BD-09. Pure.

Maps of mainland China must show places moved by some 100 to 700 metres. The formulas are not published by their
makers; they have been known since about 2010 and are the same in every open implementation. Outside mainland China,
in Hong Kong, Macau and Taiwan too, all three are the same here.
"""

from collections.abc import Callable
from enum import StrEnum
from math import atan2, cos, hypot, pi, radians, sin, sqrt

import tzfpy

SEMI_MAJOR_AXIS_M = 6_378_245.0
ECCENTRICITY_SQUARED = 0.006_693_421_622_965_943
"""Of Krasovsky's ellipsoid of 1940, on which GCJ-02 reckons."""
MAINLAND_ZONES = frozenset(("Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "Asia/Kashgar", "PRC"))
BAIDU_TURN = pi * 3000 / 180
CLOSE_ENOUGH_DEGREES = 1e-10
"""About a hundredth of a millimetre."""
MAX_STEPS = 20
"""Each step of an inverse leaves less than a hundredth of the error: six do."""

Place = tuple[float, float]
"""(lat, lon) in degrees."""


class Datum(StrEnum):
    """How a map counts degrees."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_datum(lat: float, lon: float, datum: Datum) -> Place:
    """A WGS-84 place in another datum; outside mainland China it stays as it is."""
    if datum is Datum.WGS84 or not is_in_mainland_china(lat, lon):
        return lat, lon
    place = _gcj02(lat, lon)
    return _bd09(*place) if datum is Datum.BD09 else place


def from_datum(lat: float, lon: float, datum: Datum) -> Place:
    """The WGS-84 place that `to_datum` takes there: exact to less than a millimetre.

    Up to 700 metres (in BD-09 1,500) outside the border two places may have the same coordinates, one that moved there
    and one that stayed; then it is the one in China.
    """
    if datum is Datum.WGS84 or not _is_around_china(lat, lon):
        return lat, lon
    inside = _inverse(_gcj02, _inverse(_bd09, (lat, lon)) if datum is Datum.BD09 else (lat, lon))
    return inside if is_in_mainland_china(*inside) else (lat, lon)


def is_in_mainland_china(lat: float, lon: float) -> bool:
    """Whether maps move the place, by its time zone: the border is exact to some 400 metres."""
    return _is_around_china(lat, lon) and tzfpy.get_tz(lon, lat) in MAINLAND_ZONES


def _is_around_china(lat: float, lon: float) -> bool:
    return 15 < lat < 55 and 72 < lon < 137


def _inverse(forward: Callable[[float, float], Place], place: Place) -> Place:
    """What `forward` takes to the place, found step by step: it moves near places nearly alike."""
    lat, lon = place
    for _ in range(MAX_STEPS):
        there_lat, there_lon = forward(lat, lon)
        off_lat, off_lon = there_lat - place[0], there_lon - place[1]
        lat, lon = lat - off_lat, lon - off_lon
        if abs(off_lat) < CLOSE_ENOUGH_DEGREES and abs(off_lon) < CLOSE_ENOUGH_DEGREES:
            break
    return lat, lon


def _gcj02(lat: float, lon: float) -> Place:
    """WGS-84 to GCJ-02, wherever it is."""
    north_m, east_m = _moved_m(lon - 105, lat - 35)
    slope = 1 - ECCENTRICITY_SQUARED * sin(radians(lat)) ** 2
    meridian_m = SEMI_MAJOR_AXIS_M * (1 - ECCENTRICITY_SQUARED) / (slope * sqrt(slope))
    parallel_m = SEMI_MAJOR_AXIS_M / sqrt(slope) * cos(radians(lat))
    return lat + north_m / meridian_m * 180 / pi, lon + east_m / parallel_m * 180 / pi


def _moved_m(x: float, y: float) -> Place:
    """How far (north, east), in metres; `x` and `y` are degrees east and north of 105 E, 35 N."""
    root = sqrt(abs(x))
    both = 20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (both + _waves(y) + 160 * sin(pi * y / 12) + 320 * sin(pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (both + _waves(x) + 150 * sin(pi * x / 12) + 300 * sin(pi * x / 30)) * 2 / 3
    return north, east


def _waves(degrees: float) -> float:
    return 20 * sin(pi * degrees) + 40 * sin(pi * degrees / 3)


def _bd09(lat: float, lon: float) -> Place:
    """GCJ-02 to BD-09: turned and stretched a little, then moved by a constant."""
    distance = hypot(lon, lat) + 0.00002 * sin(lat * BAIDU_TURN)
    angle = atan2(lat, lon) + 0.000003 * cos(lon * BAIDU_TURN)
    return distance * sin(angle) + 0.006, distance * cos(angle) + 0.0065
