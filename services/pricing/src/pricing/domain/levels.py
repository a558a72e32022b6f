"""What a region's prices are measured by."""

from datetime import timedelta
from typing import NamedTuple

MIN_STATIONS = 10
"""Of fewer, a quarter is one or two stations: no level of a region."""

RECOMPUTE_AFTER = timedelta(hours=1)
"""Levels change also where nobody reports, since prices grow stale."""


class Mark(NamedTuple):
    """A grade in a region whose prices have changed, and how often since it was last looked at."""

    region: str
    fuel: str
    marks: int
