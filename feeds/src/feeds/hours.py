"""Opening hours as France and Spain write them, as the suite's; see the README for what those mean."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNREADABLE = "opening hours that cannot be read count as unknown"

_SPANISH_DAYS = "LMXJVSD"
_SPANISH_PART = re.compile(r"([LMXJVSD](?:[-,][LMXJVSD])*): *(.+)")
_TIME = re.compile(r"([0-9]{1,2})[.:]([0-9]{2})")
_YES, _WHOLE_DAY = {"1", "oui"}, ("00:00", "24:00")

Hours = dict[str, Any] | None
"""`{"weekly": [...]}`, or None where nothing is known."""


def spanish_hours(text: str) -> Hours:
    """Hours such as "L-V: 06:00-14:00 y 16:00-22:00; S: 24H"; days not named are closed. Raises ValueError."""
    weekly = []
    for part in filter(None, map(str.strip, text.upper().split(";"))):
        if (match := _SPANISH_PART.fullmatch(part)) is None:
            raise ValueError(f"hours {part[:40]!r} are not such as L-V: 06:00-22:00")
        days = _spanish_days(match[1])
        weekly += [_period(days, *_spanish_times(times)) for times in re.split(r" +Y +", match[2])]
    return {"weekly": weekly} if weekly else None


def _spanish_days(text: str) -> list[str]:
    days: list[str] = []
    for span in text.split(","):
        first, last = _SPANISH_DAYS.index(span[0]), _SPANISH_DAYS.index(span[-1])
        if first > last:
            raise ValueError(f"days {span!r} run backwards")
        days += DAYS[first : last + 1]
    return days


def _spanish_times(text: str) -> tuple[str, str]:
    opens, dash, closes = text.partition("-")
    if text.strip() == "24H":
        return _WHOLE_DAY
    if not dash:
        raise ValueError(f"times {text[:40]!r} are not such as 06:00-22:00")
    return opens, closes


def french_hours(hours: Element | None) -> Hours:
    """`horaires` with a `jour` for each day; a pump that takes cards at any time is always open. Raises ValueError.

    Where a day has neither times nor `ferme`, nobody knows when the station is open, so nothing is said of the others.
    """
    if hours is None:
        return None
    if hours.get("automate-24-24", "").strip().casefold() in _YES:
        return {"weekly": [_period(list(DAYS), *_WHOLE_DAY)]}
    weekly, known = [], set()
    for element in hours.iter("jour"):
        day = _french_day(element.get("id", ""))
        times = [(one.get("ouverture", ""), one.get("fermeture", "")) for one in element.iter("horaire")]
        if times or element.get("ferme", "").strip().casefold() in _YES:
            known.add(day)
        weekly += [_period([day], opens, closes) for opens, closes in times]
    return {"weekly": weekly} if weekly and len(known) == len(DAYS) else None


def _french_day(number: str) -> str:
    if number not in set("1234567"):
        raise ValueError(f"day {number[:40]!r} is not one of 1 to 7")
    return DAYS[int(number) - 1]


def _period(days: list[str], opens: str, closes: str) -> dict[str, Any]:
    first, last = _clock(opens), _clock(closes)
    if first == last == "00:00" or (first, last) == ("00:00", "23:59"):  # two ways of writing a whole day
        last = "24:00"
    if first in {last, "24:00"}:
        raise ValueError(f"opening from {first} to {last} takes no time")
    return {"days": days, "opens": first, "closes": last}


def _clock(text: str) -> str:
    match = _TIME.fullmatch(text.strip())
    if match is None or not (int(match[1]) < 24 or match.groups() == ("24", "00")) or int(match[2]) > 59:
        raise ValueError(f"time {text[:40]!r} is not one such as 06:30")
    return f"{int(match[1]):02}:{match[2]}"


def or_unknown(read: Callable[[], Hours]) -> tuple[Hours, tuple[str, ...]]:
    """The hours that are read, or unknown ones and a word on it: a station with odd hours is still a station."""
    try:
        return read(), ()
    except ValueError:
        return None, (UNREADABLE,)
