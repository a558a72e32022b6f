"""What a fuel card may be used for: caps, grades, stations, hours and a plate. Pure.

Days, weeks and hours are those of the card's own time zone: its holder can know what is left, wherever the station is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.vocabulary import Fuel

MINUTES_OF_DAY = 24 * 60


class Period(StrEnum):
    """For how long a cap counts. A week begins on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Measure(StrEnum):
    """What a cap counts."""

    AMOUNT = "amount_minor"
    VOLUME = "volume_ml"
    COUNT = "count"


Cap = Mapping[Measure, int]
"""The most of each measure; one that is not named has no bound."""


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some weekdays (1 is Monday) in which a card may be used: from <= minute of the day < until."""

    weekdays: frozenset[int]
    from_minute: int
    until_minute: int

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether this minute of this weekday is in it."""
        return weekday in self.weekdays and self.from_minute <= minute < self.until_minute


@dataclass(frozen=True, slots=True)
class Limits:
    """All that a card is limited to; what is None or empty limits nothing."""

    per_fill: Cap = field(default_factory=dict)
    per_period: Mapping[Period, Cap] = field(default_factory=dict)
    fuels: frozenset[Fuel] | None = None
    stations: frozenset[UUID] | None = None
    windows: tuple[Window, ...] | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What was bought with a card in a period, held amounts included."""

    amount_minor: int = 0
    volume_ml: int = 0
    count: int = 0

    def of(self, measure: Measure) -> int:
        """How much of a measure."""
        return getattr(self, measure)


Usage = Mapping[Period, Use]
"""What was used so far; a period that is not named has seen nothing."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What somebody wants to buy."""

    amount_minor: int
    volume_ml: int
    fuel: Fuel
    station_id: UUID
    at: datetime
    plate_matches: bool = True
    """Whether the plate that was said is the card's; of no matter to a card without one."""


@dataclass(frozen=True, slots=True)
class LimitRefusal:
    """The first rule that a purchase breaks. Of a cap: its limit, what was used of it, what remains."""

    rule: str
    """E.g. `day.amount_minor`, `fuels`."""
    text: str
    limit: int | None = None
    used: int | None = None
    remaining: int | None = None
    asked: int | None = None

    def facts(self) -> dict[str, Any]:
        """What a problem says of it beside the text."""
        numbers = {"limit": self.limit, "used": self.used, "remaining": self.remaining, "asked": self.asked}
        return {"rule": self.rule} | {name: number for name, number in numbers.items() if number is not None}


def check(
    limits: Limits, usage: Usage, purchase: Purchase, time_zone: str, *, has_plate: bool = False
) -> LimitRefusal | None:
    """The first rule that the purchase breaks, None where it may be. `has_plate`: the card is for one plate only."""
    return next(_refusals(limits, usage, purchase, time_zone, has_plate=has_plate), None)


def _refusals(
    limits: Limits, usage: Usage, purchase: Purchase, time_zone: str, *, has_plate: bool
) -> Iterator[LimitRefusal]:
    if has_plate and not purchase.plate_matches:
        yield LimitRefusal("plate", "This card is for one vehicle: send its number plate with the payment.")
    if limits.fuels is not None and purchase.fuel not in limits.fuels:
        yield LimitRefusal("fuels", f"This card is for {_listed(limits.fuels)}, not for {purchase.fuel}.")
    if limits.stations is not None and purchase.station_id not in limits.stations:
        yield LimitRefusal("stations", "This card cannot be used at this station.")
    if limits.windows is not None and not _is_open(limits.windows, purchase.at, time_zone):
        yield LimitRefusal("windows", f"This card cannot be used at this hour ({time_zone}).")
    asked = Use(purchase.amount_minor, purchase.volume_ml, 1)
    yield from _over("per_fill", limits.per_fill, Use(), asked)
    for period in Period:
        yield from _over(period, limits.per_period.get(period, {}), usage.get(period, Use()), asked)


_UNITS = {Measure.AMOUNT: "minor units", Measure.VOLUME: "millilitres", Measure.COUNT: "purchases"}
_SPANS = {"per_fill": "for one fill", Period.DAY: "a day", Period.WEEK: "a week", Period.MONTH: "a month"}


def _over(span: str, cap: Cap, used: Use, asked: Use) -> Iterator[LimitRefusal]:
    for measure in Measure:  # in one order, however the cap was stored
        limit, wanted, spent = cap.get(measure), asked.of(measure), used.of(measure)
        if limit is not None and spent + wanted > limit:
            left = max(0, limit - spent)
            text = (
                f"This card's limit is {limit} {_UNITS[measure]} {_SPANS[span]}: {left} remain, {wanted} are asked for."
            )
            yield LimitRefusal(f"{span}.{measure}", text, limit, spent, left, wanted)


def _is_open(windows: tuple[Window, ...], at: datetime, time_zone: str) -> bool:
    local = at.astimezone(ZoneInfo(time_zone))
    return any(window.holds(local.isoweekday(), local.hour * 60 + local.minute) for window in windows)


def _listed(fuels: frozenset[Fuel]) -> str:
    return ", ".join(sorted(fuels)) or "no grade"


def period_starts(at: datetime, time_zone: str) -> dict[Period, datetime]:
    """When the day, week and month of a moment began in a time zone."""
    day = at.astimezone(ZoneInfo(time_zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return {
        Period.DAY: day,
        Period.WEEK: day - timedelta(days=day.weekday()),  # the wall clock's days: midnight stays midnight
        Period.MONTH: day.replace(day=1),
    }


def loosens(old: Limits, new: Limits) -> bool:
    """Whether anything is possible under the new limits that was not under the old ones."""
    caps = [(old.per_fill, new.per_fill)]
    caps += [(old.per_period.get(period, {}), new.per_period.get(period, {})) for period in Period]
    return (
        any(_cap_loosens(before, after) for before, after in caps)
        or _set_loosens(old.fuels, new.fuels)
        or _set_loosens(old.stations, new.stations)
        or _set_loosens(_minutes(old.windows), _minutes(new.windows))
    )


def _cap_loosens(old: Cap, new: Cap) -> bool:
    return any(measure not in new or new[measure] > limit for measure, limit in old.items())


def _set_loosens(old: frozenset[Any] | None, new: frozenset[Any] | None) -> bool:
    return old is not None and (new is None or not new <= old)


def _minutes(windows: tuple[Window, ...] | None) -> frozenset[tuple[int, int]] | None:
    """Every minute of a week that the windows hold."""
    if windows is None:
        return None
    return frozenset(
        (weekday, minute)
        for window in windows
        for weekday in window.weekdays
        for minute in range(window.from_minute, window.until_minute)
    )


def to_document(limits: Limits) -> dict[str, Any]:
    """The limits as they are stored and shown."""
    document: dict[str, Any] = {"per_fill": dict(limits.per_fill)} if limits.per_fill else {}
    document |= {period: dict(cap) for period, cap in limits.per_period.items() if cap}
    if limits.fuels is not None:
        document["fuels"] = sorted(limits.fuels)
    if limits.stations is not None:
        document["stations"] = sorted(map(str, limits.stations))
    if limits.windows is not None:
        document["windows"] = [
            {"weekdays": sorted(one.weekdays), "from_minute": one.from_minute, "until_minute": one.until_minute}
            for one in limits.windows
        ]
    return document


def from_document(document: Mapping[str, Any]) -> Limits:
    """The limits of such a document."""
    fuels, stations, windows = (document.get(name) for name in ("fuels", "stations", "windows"))
    return Limits(
        _cap(document.get("per_fill")),
        {period: _cap(document[period]) for period in Period if document.get(period)},
        None if fuels is None else frozenset(map(Fuel, fuels)),
        None if stations is None else frozenset(UUID(str(one)) for one in stations),
        None if windows is None else tuple(
            Window(frozenset(one["weekdays"]), one["from_minute"], one["until_minute"]) for one in windows
        ),
    )  # fmt: skip


def _cap(document: Mapping[str, Any] | None) -> dict[Measure, int]:
    return {Measure(name): value for name, value in (document or {}).items() if value is not None}
