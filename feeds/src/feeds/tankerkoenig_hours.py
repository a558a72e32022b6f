"""Tankerkönig's `openingtimes_json` as the suite's opening hours."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
"""The day of each bit of `applicable_days`, lowest first."""

_DAY_MINUTES = 24 * 60
_Time = Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
_Minute = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$")]
_Span = tuple[int, int]
"""From and to, in minutes of a day."""


class _Period(Struct):
    startp: _Time
    endp: _Time


class _Usual(Struct):
    applicable_days: Annotated[int, Meta(ge=1, le=255)]
    periods: list[_Period]


class _Override(Struct):
    startp: _Minute
    endp: _Minute
    is_close: bool


class _OpeningTimes(Struct):
    openingTimes: list[_Usual] = []
    overrides: list[_Override] = []


_DECODER = Decoder(_OpeningTimes)


def opening_hours(text: str) -> dict[str, Any] | None:
    """`{"weekly": [...], "exceptions": [...]}`; None if the text says nothing. Raises ValueError.

    An empty `weekly` beside exceptions means that the usual hours are unknown. An exception stands for whole days
    (`until` is included) and replaces their usual hours.
    """
    try:
        times = _DECODER.decode(text)
    except (DecodeError, RecursionError) as error:  # RecursionError: brackets nested without end
        raise ValueError(f"openingtimes_json: {error}") from error
    weekly = [_weekly(usual.applicable_days, period) for usual in times.openingTimes for period in usual.periods]
    exceptions = list(_exceptions(times.overrides, weekly))
    hours = {"weekly": weekly} | ({"exceptions": exceptions} if exceptions else {})
    return hours if weekly or exceptions else None


def _weekly(applicable_days: int, period: _Period) -> dict[str, Any]:
    whole_day = (period.startp, period.endp) == ("00:00", "00:00")
    days = [day for bit, day in enumerate(DAYS) if applicable_days >> bit & 1]
    return {"days": days, "opens": period.startp, "closes": "24:00" if whole_day else period.endp}


def _exceptions(overrides: list[_Override], weekly: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Whole days as they come, then the days of which an override changes a part.

    A closure of part of a day leaves the rest of that weekday's usual hours; where these are unknown, the rest of the
    day is too, and there is no exception that would say so.
    """
    partial: dict[date, list[_Span]] = {}
    for override in sorted(overrides, key=lambda override: override.is_close):
        for first, last, span in _pieces(override):
            if span == (0, _DAY_MINUTES):
                yield _exception(first, last, None if override.is_close else span)
            elif not override.is_close:
                partial.setdefault(first, []).append(span)
            elif first in partial or weekly:
                partial[first] = _without(partial.get(first, _usual_spans(first, weekly)), span)
    for day, spans in sorted(partial.items()):
        for span in spans or [None]:
            yield _exception(day, day, span)


def _pieces(override: _Override) -> Iterator[tuple[date, date, _Span]]:
    """The days from first to last that an override touches, with the part of the day; whole days in one piece."""
    start, end = datetime.fromisoformat(override.startp), datetime.fromisoformat(override.endp)
    if start >= end:
        raise ValueError(f"openingtimes_json: the override from {override.startp} ends at {override.endp}")
    first, last = start.date(), end.date()
    opens, closes = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    if closes == 0:
        last, closes = last - timedelta(days=1), _DAY_MINUTES
    elif closes == _DAY_MINUTES - 1:  # 23:59 is how a feed without 24:00 writes the end of a day
        closes = _DAY_MINUTES
    if first == last:
        yield first, last, (opens, closes)
        return
    if opens > 0:
        yield first, first, (opens, _DAY_MINUTES)
        first += timedelta(days=1)
    if closes < _DAY_MINUTES:
        yield last, last, (0, closes)
        last -= timedelta(days=1)
    if first <= last:
        yield first, last, (0, _DAY_MINUTES)


def _usual_spans(day: date, weekly: list[dict[str, Any]]) -> list[_Span]:
    """The usual hours of the date's weekday, up to midnight."""
    spans = [
        (_minutes(period["opens"]), _minutes(period["closes"]))
        for period in weekly
        if DAYS[day.weekday()] in period["days"]
    ]
    return [(opens, closes if closes > opens else _DAY_MINUTES) for opens, closes in spans]


def _without(spans: list[_Span], closed: _Span) -> list[_Span]:
    pieces = [
        piece for opens, closes in spans for piece in ((opens, min(closes, closed[0])), (max(opens, closed[1]), closes))
    ]
    return [(opens, closes) for opens, closes in pieces if opens < closes]


def _exception(first: date, last: date, span: _Span | None) -> dict[str, Any]:
    hours = {"closed": True} if span is None else {"opens": _clock(span[0]), "closes": _clock(span[1])}
    return {"from": first.isoformat(), "until": last.isoformat(), **hours}


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
