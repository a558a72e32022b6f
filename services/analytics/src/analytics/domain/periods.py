"""The days that a report is about, in a station's own time, and the days that they are compared with."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MAX_DAYS = 400
"""A year and the month before it."""
DEFAULT_DAYS = 30
FIRST_YEAR = 2000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Compare(StrEnum):
    """What a period is compared with."""

    NONE = "none"
    PREVIOUS = "previous"
    """As many days, right before."""
    LAST_YEAR = "last_year"
    """The same days of the year before; of a 29 February the 28th."""


class BadPeriod(Exception):
    """No report can be about these days; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days of a time zone; both count."""

    first_day: date
    last_day: date
    zone: ZoneInfo

    @property
    def starts_at(self) -> datetime:
        """When the first day begins, in UTC."""
        return _midnight(self.first_day, self.zone)

    @property
    def ends_at(self) -> datetime:
        """When the last day is over, in UTC."""
        return _midnight(self.last_day + DAY, self.zone)

    @property
    def days(self) -> list[date]:
        """All its days."""
        return [self.first_day + number * DAY for number in range((self.last_day - self.first_day).days + 1)]

    @property
    def whole_months(self) -> "Period":
        """The calendar months that it has a part of, whole."""
        after = (self.last_day.replace(day=1) + 31 * DAY).replace(day=1)
        return Period(self.first_day.replace(day=1), after - DAY, self.zone)

    @property
    def hours(self) -> list[datetime]:
        """The hours of UTC that begin within it; 23 or 25 of a day on which clocks change."""
        first = self.first_hour
        return [first + number * HOUR for number in range((self.after_last_hour - first) // HOUR)]

    @property
    def first_hour(self) -> datetime:
        """The first of its hours."""
        return _next_hour(self.starts_at)

    @property
    def after_last_hour(self) -> datetime:
        """When the last of its hours is over."""
        return _next_hour(self.ends_at)

    @property
    def offsets(self) -> list[tuple[datetime, timedelta]]:
        """How far ahead of UTC its clocks are, each with until when: the last one holds to the end."""
        found: list[tuple[datetime, timedelta]] = []
        ahead = self._ahead(self.starts_at)
        for day in self.days:
            after = self._ahead(_midnight(day + DAY, self.zone))
            if after != ahead:
                begins_at = _midnight(day, self.zone).replace(minute=0)
                hours = (begins_at + number * HOUR for number in range(27))
                found.append((next(hour for hour in hours if self._ahead(hour) == after), ahead))
                ahead = after
        return [*found, (self.ends_at, ahead)]

    def _ahead(self, moment: datetime) -> timedelta:
        return moment.astimezone(self.zone).utcoffset() or timedelta()

    def day_of(self, moment: datetime) -> date:
        """The day on which the station's clocks show it."""
        return moment.astimezone(self.zone).date()

    def compared(self, compare: Compare) -> "Period | None":
        """The days that it is compared with; None where it is compared with nothing."""
        if compare is Compare.NONE:
            return None
        return Period(self.earlier(self.first_day, compare), self.earlier(self.last_day, compare), self.zone)

    def earlier(self, day: date, compare: Compare) -> date:
        """The day that one of its days is compared with."""
        if compare is Compare.PREVIOUS:
            return day - (self.last_day - self.first_day + DAY)
        return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)

    def earlier_hour(self, hour: datetime, compare: Compare) -> datetime | None:
        """The hour that one of its hours is compared with: at the same time by the clock. None: there was none."""
        local = hour.astimezone(self.zone)
        wanted = datetime.combine(self.earlier(local.date(), compare), local.timetz())
        found = wanted.astimezone(UTC)
        return found if found.astimezone(self.zone).replace(fold=wanted.fold) == wanted else None


def period_of(first_day: date | None, last_day: date | None, zone: ZoneInfo, now: datetime) -> Period:
    """The period that was asked for, by default the DEFAULT_DAYS that end with today. Raises BadPeriod."""
    today = now.astimezone(zone).date()
    asked = [day for day in (first_day, last_day) if day is not None]
    if any(day.year < FIRST_YEAR for day in asked):
        raise BadPeriod(f"There is nothing from before {FIRST_YEAR}; let `from` and `to` be later days.")
    if any(day > today for day in asked):
        raise BadPeriod(f"Days to come have no figures: at the station it is {today} now, let `to` be no later.")
    last = last_day or (min(today, first_day + (DEFAULT_DAYS - 1) * DAY) if first_day else today)
    first = first_day or last - (DEFAULT_DAYS - 1) * DAY
    if last < first:
        raise BadPeriod(f"`to` ({last}) is before `from` ({first}); send them the other way round.")
    if (last - first).days >= MAX_DAYS:
        raise BadPeriod(f"A report is about at most {MAX_DAYS} days; ask for a part of them.")
    return Period(first, last, zone)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this IANA name; UTC where nobody knows it, so that a report is there at all."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _next_hour(moment: datetime) -> datetime:
    """The hour of UTC that begins then or after it."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if hour == moment else hour + HOUR


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Where clocks jump over midnight, the moment of the jump."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
