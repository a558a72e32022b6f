"""Boxes of longitude and latitude (WGS-84), as in `bbox=minLon,minLat,maxLon,maxLat`."""

import math
from typing import NamedTuple, Self

from servicekit.problems import Problem


class Box(NamedTuple):
    """A box, edges included; `min_lon` > `max_lon` means that it crosses the 180th meridian."""

    min_lon: float
    min_lat: float
    max_lon: float
    max_lat: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """The box of a query; Problem 422 for anything else."""
        try:
            box = cls(*(float(part) for part in text.split(",")))
        except (ValueError, TypeError):
            raise _bad_box("it is not four numbers with commas between") from None
        if not all(map(math.isfinite, box)):
            raise _bad_box("each number must be finite")
        if not (abs(box.min_lon) <= 180 and abs(box.max_lon) <= 180 and -90 <= box.min_lat <= box.max_lat <= 90):
            raise _bad_box("longitudes are -180 to 180, latitudes -90 to 90, the lower latitude first")
        return box

    def contains(self, lat: float, lon: float) -> bool:
        """Whether the point is in the box."""
        if not self.min_lat <= lat <= self.max_lat:
            return False
        if self.min_lon <= self.max_lon:
            return self.min_lon <= lon <= self.max_lon
        return lon >= self.min_lon or lon <= self.max_lon


def _bad_box(why: str) -> Problem:
    return Problem(422, "invalid-input", f"bbox must be minLon,minLat,maxLon,maxLat: {why}.")
