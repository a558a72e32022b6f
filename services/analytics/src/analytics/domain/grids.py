"""Hours laid out by local days and hours of the day, so that the same hours of other weeks can be compared. Arrays."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_HOURS = 24


class Grid:
    """So many days of a time zone, from the first on, in 24 hours each.

    An hour that clocks show twice is one place for both, one that they skip is empty, and an hour of UTC that begins
    at 05:30 by the clock is at 05.
    """

    def __init__(self, first_day: date, days: int, zone: ZoneInfo) -> None:
        self.first_day, self.days, self.zone = first_day, days, zone
        self.begins_at = datetime.combine(first_day, time(), zone).astimezone(UTC)
        self.ends_at = datetime.combine(first_day + days * DAY, time(), zone).astimezone(UTC)
        self._first = -((EPOCH - self.begins_at) // HOUR)
        self.hours = [EPOCH + number * HOUR for number in range(self._first, -((EPOCH - self.ends_at) // HOUR))]
        """The hours of UTC that begin within it."""
        local = [hour.astimezone(zone) for hour in self.hours]
        self._places = np.array([(one.date() - first_day).days * DAY_HOURS + one.hour for one in local], np.int64)

    def laid_out(self, hours: Sequence[datetime], values: Sequence[Sequence[float]]) -> Floats:
        """Figures of hours of UTC, (figure, day, hour of day): each figure is a row of `values`; 0 where none is given.

        Hours beside the grid are left out.
        """
        numbers = np.array([(hour - EPOCH) // HOUR - self._first for hour in hours], np.int64)
        inside = (numbers >= 0) & (numbers < len(self._places))
        places, size = self._places[numbers[inside]], self.days * DAY_HOURS
        rows = [np.bincount(places, np.asarray(row, np.float64)[inside], size) for row in values]
        return np.array(rows, np.float64).reshape(len(values), self.days, DAY_HOURS)
