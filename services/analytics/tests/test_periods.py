"""Days in a station's own time, and the days that they are compared with."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.domain.periods import DAY, HOUR, MAX_DAYS, BadPeriod, Compare, Period, period_of, zone_of

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
ZONES = st.sampled_from([
    "Europe/Berlin", "Asia/Shanghai", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe", "America/Havana",
    "Asia/Beirut", "Africa/Casablanca", "Pacific/Auckland", "America/New_York",
]).map(ZoneInfo)  # fmt: skip
PERIODS = st.builds(
    lambda first, length, zone: Period(first, first + (length - 1) * DAY, zone),
    st.dates(date(2015, 1, 1), date(2026, 1, 1)), st.integers(1, MAX_DAYS), ZONES,
)  # fmt: skip
NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)


@given(PERIODS)
@example(Period(date(2026, 3, 29), date(2026, 3, 29), BERLIN))
@example(Period(date(2026, 10, 25), date(2026, 10, 25), BERLIN))
def test_every_hour_belongs_to_the_day_that_the_clock_shows(period: Period):
    hours = period.hours
    assert {period.day_of(hour) for hour in hours} == set(period.days)
    assert hours == sorted(set(hours))
    assert period.day_of(hours[0] - HOUR) < period.first_day
    assert period.day_of(hours[-1] + HOUR) > period.last_day


@given(PERIODS)
@example(Period(date(2026, 3, 29), date(2026, 3, 29), BERLIN))
@example(Period(date(2026, 10, 20), date(2026, 10, 25), BERLIN))
def test_offsets_say_what_the_clock_shows(period: Period):
    """The database adds up days by them."""
    offsets = period.offsets
    for hour in period.hours:
        ahead = next((ahead for until, ahead in offsets if hour < until), offsets[-1][1])
        assert (hour + ahead).date() == period.day_of(hour)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)])
def test_a_day_has_the_hours_that_its_clock_goes_through(day: date, hours: int):
    assert len(Period(day, day, BERLIN).hours) == hours


@given(PERIODS)
def test_the_days_before_are_as_many_and_end_where_these_begin(period: Period):
    before = period.compared(Compare.PREVIOUS)
    assert before is not None
    assert len(before.days) == len(period.days)
    assert before.ends_at == period.starts_at
    assert [period.earlier(day, Compare.PREVIOUS) for day in period.days] == before.days


@given(PERIODS)
def test_the_days_of_last_year_have_the_same_names(period: Period):
    for day in period.days:
        earlier = period.earlier(day, Compare.LAST_YEAR)
        assert (earlier.year, earlier.month) == (day.year - 1, day.month)
        assert earlier.day == day.day or (day.month, day.day, earlier.day) == (2, 29, 28)


def test_an_hour_is_compared_with_the_same_time_by_the_clock():
    period = Period(date(2026, 3, 29), date(2026, 3, 30), BERLIN)
    noon = datetime(2026, 3, 29, 10, tzinfo=UTC)
    assert period.earlier_hour(noon, Compare.PREVIOUS) == datetime(2026, 3, 27, 11, tzinfo=UTC)
    onto_the_gap = Period(date(2026, 3, 30), date(2026, 3, 30), BERLIN)
    half_past_two = datetime(2026, 3, 30, 0, tzinfo=UTC)
    assert onto_the_gap.earlier_hour(half_past_two, Compare.PREVIOUS) is None, "no clock showed 02:00 on the 29th"


def test_nothing_is_compared_with_nothing():
    assert Period(date(2026, 1, 1), date(2026, 1, 1), BERLIN).compared(Compare.NONE) is None


def test_by_default_it_is_the_thirty_days_that_end_with_the_stations_today():
    assert period_of(None, None, SHANGHAI, NOW) == Period(date(2026, 10, 29), date(2026, 11, 27), SHANGHAI)
    assert period_of(None, None, BERLIN, NOW).last_day == date(2026, 11, 26)
    assert period_of(None, date(2026, 5, 30), BERLIN, NOW).first_day == date(2026, 5, 1)
    assert period_of(date(2026, 5, 1), None, BERLIN, NOW).last_day == date(2026, 5, 30)
    assert period_of(date(2026, 11, 20), None, BERLIN, NOW).last_day == date(2026, 11, 26)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 5, 2), date(2026, 5, 1)), (date(2026, 11, 27), date(2026, 11, 27)), (date(2027, 1, 1), None),
        (date(2025, 1, 1), date(2026, 2, 5)), (date(1999, 12, 31), date(2000, 1, 2)), (None, date(1, 1, 1)),
        (None, date(9999, 12, 31)), (date(9999, 12, 31), None),
    ],
)  # fmt: skip
def test_other_days_are_refused(first: date | None, last: date | None):
    with pytest.raises(BadPeriod):
        period_of(first, last, BERLIN, NOW)


def test_a_year_and_a_month_are_the_most():
    first = date(2025, 1, 1)
    assert len(period_of(first, first + timedelta(days=MAX_DAYS - 1), BERLIN, NOW).days) == MAX_DAYS


def test_a_zone_that_nobody_knows_is_utc():
    assert zone_of("Mars/Olympus") == zone_of("../etc/passwd") == zone_of("") == ZoneInfo("UTC")
