"""Whether stations are open now: worked out once for each schedule that stations share, and kept until it changes."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from stations.domain.index.columns import Codes, Columns
from stations.domain.index.grades import milliseconds
from stations.domain.opening_hours import LOOK_AHEAD_DAYS, OpeningHours, is_open, next_change
from stations.domain.public_holidays import is_public_holiday

OPEN, CLOSED, UNKNOWN = 1, 0, -1
QUIET = timedelta(days=LOOK_AHEAD_DAYS - 1)
"""How long nothing changes where `next_change` finds nothing."""
Judge = Callable[[datetime], tuple[bool | None, datetime]]
"""The state at a moment, and until when it stays so."""
_encode = msgspec.json.Encoder(order="deterministic").encode


class Schedule(NamedTuple):
    """All that decides when a station is open."""

    hours: bytes
    zone: str
    country: str
    holiday_region: str | None


class OpenStates:
    """Schedules by number, with what each is and how long it stays so."""

    def __init__(self) -> None:
        self._schedules: Codes[Schedule] = Codes()
        self._judges: list[Judge] = []
        self._columns = Columns(state="i1", since="i8", until="i8")

    def code(self, profile: Mapping[str, Any]) -> int:
        """The number of the profile's schedule."""
        schedule = Schedule(
            _encode(profile["opening_hours"]), profile["time_zone"], profile["country"], profile["holiday_region"]
        )
        code = self._schedules.code(schedule)
        if code == len(self._judges):
            self._judges.append(_judge(profile))
            self._columns.reserve(code + 1)
        return code

    def states(self, codes: NDArray[Any], now: datetime) -> NDArray[np.int8]:
        """OPEN, CLOSED or UNKNOWN for each schedule."""
        at = milliseconds(now)
        fresh = (self._columns["since"][codes] <= at) & (at < self._columns["until"][codes])
        if not fresh.all():
            for code in np.unique(codes[~fresh]).tolist():
                self._work_out(code, now)
        return self._columns["state"][codes]

    def _work_out(self, code: int, now: datetime) -> None:
        state, until = self._judges[code](now)
        self._columns.set(code, {
            "state": UNKNOWN if state is None else int(state), "since": milliseconds(now),
            "until": milliseconds(until),
        })  # fmt: skip


def _judge(profile: Mapping[str, Any]) -> Judge:
    if profile["opening_hours"] is None:
        return lambda now: (None, now + QUIET)
    hours, zone = OpeningHours.model_validate(profile["opening_hours"]), ZoneInfo(profile["time_zone"])
    country, region = profile["country"], profile["holiday_region"]

    def judge(now: datetime) -> tuple[bool | None, datetime]:
        change = next_change(hours, now, zone, is_holiday)
        return is_open(hours, now, zone, is_holiday), change or now + QUIET

    def is_holiday(day: date) -> bool:
        return is_public_holiday(country, region, day)

    return judge
