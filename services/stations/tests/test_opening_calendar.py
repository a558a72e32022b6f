"""Opening hours against a calendar that is painted minute by minute, with other means than the code has."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from stations.domain.opening_hours import WEEKDAYS, OpeningHours, Period, SpecialDays, is_open, next_change

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut", "America/Havana",
    "America/Santiago", "America/Nuuk", "Asia/Shanghai", "Asia/Kathmandu", "Pacific/Apia", "UTC",
)  # fmt: skip
"""Clocks that change at night, at midnight, by half an hour, in the evening, and never."""

Calendar = dict[datetime, bool | None]


class Walls:
    """What the wall clock shows at each minute of some days around a date, in order."""

    def __init__(self, middle: date, zone: ZoneInfo) -> None:
        first = datetime.combine(middle - 3 * DAY, time(), UTC)
        self.minutes = [first + n * MINUTE for n in range(7 * 24 * 60)]
        self.shown = [minute.astimezone(zone).replace(tzinfo=None) for minute in self.minutes]

    def index(self, target: datetime) -> int:
        """When the clock first shows the target; if it never does, as long after the jump as it jumped too far."""
        after = next((n for n, wall in enumerate(self.shown) if wall >= target), len(self.shown))
        if after in (0, len(self.shown)) or self.shown[after] == target:
            return after
        return after - 1 + (target - self.shown[after - 1]) // MINUTE


def paint(hours: OpeningHours, walls: Walls, holidays: frozenset[date]) -> Calendar:
    """Usual hours first, from each day into the next; then days with exceptions are wiped and painted anew."""
    dates = sorted({wall.date() for wall in walls.shown})
    special = {day: [one for one in hours.exceptions if one.first <= str(day) <= one.last] for day in dates}
    painted = [False if hours.weekly or special[wall.date()] else None for wall in walls.shown]
    for day in dates:
        if not special[day]:
            for period in hours.weekly:
                if _weekday(hours, day, holidays) in period.days:
                    for n in _span(period, day, walls):
                        if not special.get(walls.shown[n].date()):
                            painted[n] = True
    for day in dates:
        for period in special[day]:
            for n in _span(period, day, walls):
                painted[n] = True
    return dict(zip(walls.minutes, painted, strict=True))


def _weekday(hours: OpeningHours, day: date, holidays: frozenset[date]) -> str:
    named = {name for period in hours.weekly for name in period.days}
    return "holiday" if day in holidays and "holiday" in named else day.strftime("%a").lower()


def _span(period: Period | SpecialDays, day: date, walls: Walls) -> range:
    if period.opens is None or period.closes is None:
        return range(0)
    opens, closes = (datetime.combine(day, time()) + _clock(clock) for clock in (period.opens, period.closes))
    return range(walls.index(opens), min(len(walls.minutes), walls.index(closes if closes > opens else closes + DAY)))


def _clock(text: str) -> timedelta:
    hour, minute = text.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))


@cache
def dates_to_look_at(zone: str) -> list[date]:
    """The days on which the zone's clock changes in three years, and a few on which it does not."""
    hours = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(3 * 365 * 24)]
    offsets = [hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours]
    changes = [hour for hour, one, other in zip(hours[1:], offsets, offsets[1:], strict=False) if one != other]
    return [hour.astimezone(ZoneInfo(zone)).date() for hour in changes] + [date(2024, 2, 29), date(2025, 12, 31)]


CLOCKS = st.sampled_from(
    ["00:00", "00:30", "01:00", "01:30", "02:00", "02:15", "02:30", "03:00", "06:00", "12:01", "22:00", "22:30",
     "23:00", "23:30", "23:59"]
)  # fmt: skip
CLOSES = st.one_of(CLOCKS, st.just("24:00"))
SPANS = st.tuples(CLOCKS, CLOSES).filter(lambda span: span[0] != span[1])


@st.composite
def schedules(draw: st.DrawFn) -> tuple[OpeningHours, ZoneInfo, frozenset[date], date]:
    """Hours of a week with holidays and exceptions, and a day on which to look at them."""
    zone = draw(st.sampled_from(ZONES))
    middle = draw(st.sampled_from(dates_to_look_at(zone))) + draw(st.integers(-1, 1)) * DAY
    around = st.integers(-2, 2).map(lambda offset: middle + offset * DAY)
    days = st.lists(st.sampled_from([*WEEKDAYS, "holiday"]), min_size=1, max_size=8, unique=True)
    weekly = [
        {"days": draw(days), "opens": opens, "closes": closes} for opens, closes in draw(st.lists(SPANS, max_size=4))
    ]
    exceptions = []
    for first, last in draw(st.lists(st.tuples(around, around), min_size=0 if weekly else 1, max_size=3)):
        span = draw(st.one_of(st.none(), SPANS))
        said = {"closed": True} if span is None else {"opens": span[0], "closes": span[1]}
        exceptions.append({"from": str(min(first, last)), "until": str(max(first, last)), **said})
    hours = OpeningHours.model_validate({"weekly": weekly, "exceptions": exceptions})
    return hours, ZoneInfo(zone), frozenset(draw(st.lists(around, max_size=2))), middle


def _middle_minutes(walls: Walls) -> Iterator[datetime]:
    """A day and a half around the middle, so that what leads into it and out of it is painted, too."""
    half = len(walls.minutes) // 2
    return iter(walls.minutes[half - 18 * 60 : half + 18 * 60])


@settings(max_examples=60, deadline=None)
@given(schedules())
def test_open_at_each_minute_is_what_the_calendar_shows(
    schedule: tuple[OpeningHours, ZoneInfo, frozenset[date], date],
) -> None:
    hours, zone, holidays, middle = schedule
    walls = Walls(middle, zone)
    painted = paint(hours, walls, holidays)
    for minute in _middle_minutes(walls):
        assert is_open(hours, minute, zone, holidays.__contains__) is painted[minute], minute


@settings(max_examples=60, deadline=None)
@given(schedules(), st.integers(0, 24 * 60 - 1))
def test_the_next_change_is_the_next_minute_of_another_colour(
    schedule: tuple[OpeningHours, ZoneInfo, frozenset[date], date], minute_of_day: int
) -> None:
    hours, zone, holidays, middle = schedule
    walls = Walls(middle, zone)
    painted = paint(hours, walls, holidays)
    moment = walls.minutes[2 * 24 * 60 + minute_of_day]
    known_until = walls.minutes[-1] - DAY
    later = (minute for minute in walls.minutes if moment < minute < known_until)
    expected = next((minute for minute in later if painted[minute] != painted[moment]), None)
    found = next_change(hours, moment, zone, holidays.__contains__)
    assert found == expected or (expected is None and found is not None and found >= known_until)


def test_what_never_closes_never_changes() -> None:
    always = OpeningHours.model_validate({"weekly": [{"days": [*WEEKDAYS], "opens": "00:00", "closes": "24:00"}]})
    for month in (3, 7, 10):
        assert (
            next_change(always, datetime(2026, month, 25, tzinfo=UTC), ZoneInfo("Europe/Berlin"), lambda _: False)
            is None
        )


def test_a_change_is_seen_in_the_middle_of_a_minute() -> None:
    hours = OpeningHours.model_validate({"weekly": [{"days": ["thu"], "opens": "06:00", "closes": "22:00"}]})
    moment = datetime(2026, 4, 30, 19, 59, 59, 999_999, tzinfo=UTC)
    closes = next_change(hours, moment, ZoneInfo("Europe/Berlin"), lambda _: False)
    ten_in_the_evening = datetime(2026, 4, 30, 20, tzinfo=UTC)
    assert closes == ten_in_the_evening
    opens = next_change(hours, ten_in_the_evening, ZoneInfo("Europe/Berlin"), lambda _: False)
    assert opens == datetime(2026, 5, 7, 4, tzinfo=UTC)
