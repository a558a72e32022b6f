"""The history of a price cut into hours or days of the station's own time: exact integers, all buckets at once."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.int64]
"""Microseconds since 1970 UTC, ascending."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR_MICROSECONDS = 3_600_000_000
NOT_SOLD = 0
"""In arrays of prices, since a price is at least 1."""

MAX_WINDOW = timedelta(days=366, hours=1)
"""A leap year of local days, of which one may have 25 hours: 366 days or 8,784 hours."""


class Bucket(StrEnum):
    """How long a bucket is; `raw`: the changes themselves."""

    RAW = "raw"
    HOUR = "hour"
    DAY = "day"


class Timeline(NamedTuple):
    """What a grade cost from each moment on, until the next moment; NOT_SOLD before the first."""

    moments: Moments
    mills: NDArray[np.int64]


class Buckets(NamedTuple):
    """A list for each figure, a bucket at each place; None where the grade was not sold. Prices are in mills.

    `opens` and `closes` are what it cost when the bucket began and when it ended, `means` the mean over the time in
    which it was sold, each price weighed by how long it held, rounded half up. `changes` counts how often it changed.
    """

    starts_at: list[str]
    opens: list[int | None]
    closes: list[int | None]
    lowest: list[int | None]
    highest: list[int | None]
    means: list[int | None]
    changes: list[int]


def zone_of(name: str | None) -> ZoneInfo:
    """The zone of this IANA name; UTC where a station's is not known."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def timeline(
    said_at: list[float], said_mills: list[int], confirmed_at: list[float], confirmed_mills: list[int]
) -> Timeline:
    """What was said of a price (seconds since 1970, in the order in which it held), and when it was said again.

    A price said late, for a time before the latest word, held until that word: its confirmation, or the next change.
    """
    moments = _microseconds(confirmed_at + said_at)
    order = np.argsort(moments, kind="stable")  # at one moment what was said afresh stands, as the last
    return Timeline(moments[order], np.array(confirmed_mills + said_mills, dtype=np.int64)[order])


def edges(since: datetime, until: datetime, bucket: Bucket, zone: ZoneInfo, now: datetime) -> Moments:
    """Where buckets begin, and the end of the last: whole ones that cover [since, until), up to now; since is before.

    Days are local ones, of 23 or 25 hours where the clock changes; hours are counted from local midnight.
    """
    until = min(until, now)
    first, last = since.astimezone(zone).date(), until.astimezone(zone).date()
    days = [_starts_at(first + timedelta(days=n), zone) for n in range((last - first).days + 2)]
    if bucket is Bucket.HOUR:
        hours = [np.arange(day, after, HOUR_MICROSECONDS) for day, after in pairwise(days)]
        every = np.append(np.concatenate(hours), days[-1])
    else:
        every = np.array(days, dtype=np.int64)
    covering = every[np.searchsorted(every, _moment(since), "right") - 1 : np.searchsorted(every, _moment(until)) + 1]
    return np.minimum(covering, _moment(now))


def cut(history: Timeline, between: Moments) -> Buckets:
    """The figures of each bucket between two neighbours of `between`."""
    starts, end = between[:-1], between[-1]
    inside = history.moments[(history.moments > starts[0]) & (history.moments < end)]
    at = np.sort(
        np.append(starts, inside), kind="stable"
    )  # a change as a bucket begins is there twice: it does no harm
    held = _held(history, at, "right")
    seconds = np.diff(np.append(at, end))
    first = np.searchsorted(at, starts)
    is_sold = held != NOT_SOLD
    sold_for = np.add.reduceat(np.where(is_sold, seconds, 0), first)
    before = np.append(_held(history, starts[:1], "left"), held[:-1])
    return Buckets(
        starts_at=np.datetime_as_string(starts.astype("datetime64[us]"), unit="s", timezone="UTC").tolist(),
        opens=_or_none(held[first]),
        closes=_or_none(held[np.append(first[1:], len(at)) - 1]),
        lowest=_or_none(np.minimum.reduceat(np.where(is_sold, held, np.iinfo(np.int64).max), first), sold_for > 0),
        highest=_or_none(np.maximum.reduceat(held, first)),
        means=_or_none((np.add.reduceat(held * seconds, first) + sold_for // 2) // np.maximum(sold_for, 1)),
        changes=np.add.reduceat((held != before).astype(np.int64), first).tolist(),
    )


def _held(history: Timeline, at: Moments, side: Any) -> NDArray[np.int64]:
    """What it cost at the moments (side right), or just before them (left)."""
    return np.append(NOT_SOLD, history.mills)[np.searchsorted(history.moments, at, side)]


def _or_none(mills: NDArray[np.int64], is_known: NDArray[np.bool_] | None = None) -> list[int | None]:
    known = mills != NOT_SOLD if is_known is None else is_known
    if known.all():
        return mills.tolist()
    return [value if one else None for value, one in zip(mills.tolist(), known.tolist(), strict=True)]


def _starts_at(day: date, zone: ZoneInfo) -> int:
    """When the local day begins; where midnight is skipped, that is when the clock jumps over it."""
    return _moment(datetime.combine(day, time(), zone))


def _moment(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // MICROSECOND


def _microseconds(seconds: list[float]) -> Moments:
    """Exact until the year 2100: a double holds seconds to a quarter of a microsecond."""
    return np.rint(np.array(seconds, dtype=np.float64) * 1_000_000).astype(np.int64)
