"""When a station is open: weekly hours with days for holidays, exceptions by date, in the station's own time zone."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
WEEKDAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Opens = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Closes = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
LEFT_OUT = Field(exclude_if=lambda value: value is None)
MIDNIGHT = "24:00"
ONE_DAY = timedelta(days=1)
LOOK_AHEAD_DAYS = 8
"""A week and a day: what does not change until then changes by an exception or never."""


def _real_date(text: str) -> str:
    date.fromisoformat(text)
    return text


DateText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_real_date)]
"""A date as YYYY-MM-DD, kept as text: texts compare as their dates do."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class Period(_Frozen):
    """Open on these days from `opens` to `closes`, wall clock; a period that ends at or before its start runs past
    midnight into the next day. 00:00 to 24:00 is the whole day."""

    days: Annotated[list[Day], Field(min_length=1, max_length=8)]
    opens: Opens
    closes: Closes

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        _require_time(self.opens, self.closes)
        return self


class SpecialDays(_Frozen):
    """From one date until another, both included, these hours or `closed` replace the usual ones for whole days."""

    first: Annotated[DateText, Field(alias="from")]
    last: Annotated[DateText, Field(alias="until")]
    closed: Annotated[Literal[True] | None, LEFT_OUT] = None
    opens: Annotated[Opens | None, LEFT_OUT] = None
    closes: Annotated[Closes | None, LEFT_OUT] = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.first > self.last:
            raise ValueError("an exception ends before it begins")
        if self.closed and (self.opens or self.closes):
            raise ValueError("an exception is either closed or has hours, not both")
        if not self.closed:
            if self.opens is None or self.closes is None:
                raise ValueError("an exception needs opens and closes, or closed: true")
            _require_time(self.opens, self.closes)
        return self


def _require_time(opens: str, closes: str) -> None:
    if opens == closes:
        raise ValueError(f"opens and closes are both {opens}; the whole day is 00:00 to 24:00")


class OpeningHours(_Frozen):
    """Weekly periods and exceptions. Empty `weekly` beside exceptions means that the usual hours are unknown.

    On a public holiday the periods of `holiday` apply; where no period names it, the weekday's do (as in
    OpenStreetMap's opening_hours without PH).
    """

    weekly: Annotated[list[Period], Field(max_length=64)]
    exceptions: Annotated[list[SpecialDays], Field(max_length=400)] = []

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.weekly and not self.exceptions:
            raise ValueError("neither weekly hours nor exceptions; unknown hours are null")
        return self

    def special(self, day: date) -> list[SpecialDays]:
        """The exceptions that hold on the date."""
        text = day.isoformat()
        return [special for special in self.exceptions if special.first <= text <= special.last]

    def usual(self, day: date, is_holiday: Callable[[date], bool]) -> list[Period]:
        """The periods that start on the date in a week without exceptions."""
        name: Day = WEEKDAYS[day.weekday()]
        if is_holiday(day) and any("holiday" in period.days for period in self.weekly):
            name = "holiday"
        return [period for period in self.weekly if name in period.days]


def is_open(
    hours: OpeningHours | None, moment: datetime, zone: ZoneInfo, is_holiday: Callable[[date], bool]
) -> bool | None:
    """Whether the station is open at the moment (any zone); None where the hours are unknown.

    An exception replaces its whole calendar day: usual hours of the evening before end at its midnight.
    """
    if hours is None:
        return None
    today = moment.astimezone(zone).date()
    before = today - ONE_DAY
    special, special_before = hours.special(today), hours.special(before)
    usual_before = [] if special or special_before else hours.usual(before, is_holiday)
    starting = [(before, period) for period in (*special_before, *usual_before)]
    starting += [(today, period) for period in special or hours.usual(today, is_holiday)]
    if any(_contains(day, period.opens, period.closes, moment, zone) for day, period in starting):
        return True
    return False if special or hours.weekly else None


def next_change(
    hours: OpeningHours, moment: datetime, zone: ZoneInfo, is_holiday: Callable[[date], bool]
) -> datetime | None:
    """The first instant after the moment, in UTC, at which `is_open` says something else; None for the next 8 days."""
    now_open = is_open(hours, moment, zone, is_holiday)
    today = moment.astimezone(zone).date()
    days = [today + ONE_DAY * ahead for ahead in range(-1, LOOK_AHEAD_DAYS + 1)]
    turns = {turn for day in days for turn in _turns(hours, day, zone, is_holiday)}
    later = (turn for turn in sorted(turns) if turn > moment)
    return next((turn for turn in later if is_open(hours, turn, zone, is_holiday) != now_open), None)


def _turns(hours: OpeningHours, day: date, zone: ZoneInfo, is_holiday: Callable[[date], bool]) -> Iterator[datetime]:
    """Every instant at which the periods of the day may open or close, and its midnight, where exceptions begin."""
    yield _instant(day, "00:00", zone)
    for period in (*hours.special(day), *hours.usual(day, is_holiday)):
        if period.opens is not None and period.closes is not None:
            yield _instant(day, period.opens, zone)
            yield _instant(_last_day(day, period.opens, period.closes), period.closes, zone)


def _contains(day: date, opens: str | None, closes: str | None, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the moment lies in the period that starts on the day; periods are compared as instants in UTC."""
    if opens is None or closes is None:
        return False
    last_day = _last_day(day, opens, closes)
    return _instant(day, opens, zone) <= moment.astimezone(UTC) < _instant(last_day, closes, zone)


def _last_day(day: date, opens: str, closes: str) -> date:
    """On which day a period ends that starts on `day`."""
    return day if closes > opens else day + ONE_DAY


def _instant(day: date, clock: str, zone: ZoneInfo) -> datetime:
    """The first instant that the wall clock shows this; a time that a clock change skips moves on by the gap."""
    if clock == MIDNIGHT:
        day, clock = day + ONE_DAY, "00:00"
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)
