"""When a station is open."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stations.domain.opening_hours import WEEKDAYS, OpeningHours, is_open
from stations.domain.public_holidays import is_public_holiday, is_region

BERLIN = ZoneInfo("Europe/Berlin")
ALL_DAYS = [*WEEKDAYS, "holiday"]
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC"]).map(
    ZoneInfo
)
CLOCKS = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")


def weekly(days: list[str], opens: str, closes: str) -> OpeningHours:
    return OpeningHours.model_validate({"weekly": [{"days": days, "opens": opens, "closes": closes}]})


def open_at(
    hours: OpeningHours | None, local: str, holidays: frozenset[date] = frozenset(), fold: int = 0
) -> bool | None:
    """At this wall clock time in Berlin."""
    moment = datetime.fromisoformat(local).replace(tzinfo=BERLIN, fold=fold)
    return is_open(hours, moment, BERLIN, lambda day: day in holidays)


def test_the_closing_minute_is_closed_and_the_opening_minute_open() -> None:
    hours = weekly(["thu"], "06:00", "22:00")
    asked = ["2026-04-30 05:59", "2026-04-30 06:00", "2026-04-30 21:59:59", "2026-04-30 22:00", "2026-05-01 12:00"]
    assert [open_at(hours, local) for local in asked] == [False, True, True, False, False]


def test_a_period_past_midnight_belongs_to_the_day_it_starts_on() -> None:
    hours = weekly(["fri"], "20:00", "02:00")
    asked = ["2026-05-01 01:00", "2026-05-01 23:00", "2026-05-02 01:59", "2026-05-02 02:00", "2026-05-02 21:00"]
    assert [open_at(hours, local) for local in asked] == [False, True, True, False, False]


def test_closing_at_0000_is_the_midnight_that_ends_the_day() -> None:
    hours = weekly(["fri"], "06:00", "00:00")
    assert [open_at(hours, local) for local in ("2026-05-01 23:59", "2026-05-02 00:00")] == [True, False]


def test_a_holiday_has_its_own_hours() -> None:
    first_of_may = frozenset([date(2026, 5, 1)])
    hours = OpeningHours.model_validate(
        {"weekly": [
            {"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "06:00", "closes": "22:00"},
            {"days": ["sun", "holiday"], "opens": "08:00", "closes": "20:00"},
        ]}
    )  # fmt: skip
    assert open_at(hours, "2026-05-01 07:00") is True
    assert open_at(hours, "2026-05-01 07:00", first_of_may) is False
    assert open_at(hours, "2026-05-01 09:00", first_of_may) is True


def test_a_holiday_is_an_ordinary_day_where_no_hours_name_it() -> None:
    assert open_at(weekly(["fri"], "06:00", "22:00"), "2026-05-01 07:00", frozenset([date(2026, 5, 1)])) is True


def test_an_exception_replaces_its_whole_day_and_may_have_several_parts() -> None:
    hours = OpeningHours.model_validate(
        {
            "weekly": [{"days": ALL_DAYS, "opens": "18:00", "closes": "03:00"}],
            "exceptions": [
                {"from": "2026-12-24", "until": "2026-12-24", "opens": "08:00", "closes": "12:00"},
                {"from": "2026-12-24", "until": "2026-12-24", "opens": "13:00", "closes": "14:00"},
                {"from": "2026-12-25", "until": "2026-12-26", "closed": True},
            ],
        }
    )
    asked = {
        "2026-12-23 23:00": True, "2026-12-24 01:00": False, "2026-12-24 09:00": True, "2026-12-24 12:30": False,
        "2026-12-24 13:30": True, "2026-12-24 20:00": False, "2026-12-26 20:00": False, "2026-12-27 02:00": False,
        "2026-12-27 18:00": True,
    }  # fmt: skip
    assert {local: open_at(hours, local) for local in asked} == asked


def test_usual_hours_that_are_unknown_are_known_on_exceptional_days_only() -> None:
    hours = OpeningHours.model_validate(
        {"weekly": [], "exceptions": [{"from": "2026-05-01", "until": "2026-05-01", "closed": True}]}
    )
    assert [open_at(hours, local) for local in ("2026-05-01 12:00", "2026-05-02 12:00")] == [False, None]
    assert open_at(None, "2026-05-01 12:00") is None


def test_the_night_of_25_hours_closes_once() -> None:
    """On 2026-10-25 Berlin has 02:00-03:00 twice."""
    hours = weekly(["sat"], "22:00", "02:30")
    assert open_at(hours, "2026-10-25 02:29", fold=0) is True
    assert open_at(hours, "2026-10-25 02:15", fold=1) is False
    assert open_at(weekly(["sun"], "00:00", "24:00"), "2026-10-25 02:15", fold=1) is True


def test_the_night_of_23_hours_keeps_a_time_that_is_skipped() -> None:
    """On 2026-03-29 Berlin has no 02:00-03:00; closing at 02:30 means half an hour after the change."""
    hours = weekly(["sat"], "22:00", "02:30")
    asked = ["2026-03-29 01:59", "2026-03-29 03:29", "2026-03-29 03:30"]
    assert [open_at(hours, local) for local in asked] == [True, True, False]


@given(MOMENTS, ZONES)
def test_the_whole_day_every_day_is_always_open(moment: datetime, zone: ZoneInfo) -> None:
    assert is_open(weekly(ALL_DAYS, "00:00", "24:00"), moment, zone, lambda _: False) is True


@given(MOMENTS, CLOCKS, CLOCKS)
def test_at_any_moment_either_the_hours_or_their_complement_are_open(moment: datetime, opens: str, closes: str) -> None:
    if opens != closes:
        hours, complement = weekly(ALL_DAYS, opens, closes), weekly(ALL_DAYS, closes, opens)
        utc = ZoneInfo("UTC")
        assert is_open(hours, moment, utc, lambda _: False) is not is_open(complement, moment, utc, lambda _: False)


@given(MOMENTS, CLOCKS, CLOCKS)
def test_open_is_what_the_wall_clock_says_where_no_clock_changes(moment: datetime, opens: str, closes: str) -> None:
    if opens != closes:
        clock = f"{moment:%H:%M}"
        inside = opens <= clock < closes if opens < closes else not closes <= clock < opens
        assert is_open(weekly(ALL_DAYS, opens, closes), moment, ZoneInfo("UTC"), lambda _: False) is inside


@given(MOMENTS, ZONES, ZONES)
def test_the_zone_in_which_one_asks_does_not_matter(moment: datetime, asked_in: ZoneInfo, zone: ZoneInfo) -> None:
    hours = weekly(["mon", "wed", "sat"], "07:30", "01:15")
    answers = {is_open(hours, m, zone, lambda _: False) for m in (moment, moment.astimezone(asked_in))}
    assert len(answers) == 1


@given(MOMENTS, ZONES, CLOCKS, CLOCKS)
def test_a_closed_exception_around_the_moment_closes(moment: datetime, zone: ZoneInfo, opens: str, closes: str) -> None:
    if opens != closes:
        today = moment.astimezone(zone).date()
        around = {"from": str(today - timedelta(days=1)), "until": str(today), "closed": True}
        hours = {"weekly": [{"days": ALL_DAYS, "opens": opens, "closes": closes}], "exceptions": [around]}
        assert is_open(OpeningHours.model_validate(hours), moment, zone, lambda _: False) is False


@pytest.mark.parametrize(
    "hours",
    [
        {"weekly": []},
        {"weekly": [{"days": [], "opens": "06:00", "closes": "22:00"}]},
        {"weekly": [{"days": ["monday"], "opens": "06:00", "closes": "22:00"}]},
        {"weekly": [{"days": ["mon"], "opens": "24:00", "closes": "22:00"}]},
        {"weekly": [{"days": ["mon"], "opens": "6:00", "closes": "22:00"}]},
        {"weekly": [{"days": ["mon"], "opens": "06:00", "closes": "06:00"}]},
        {"weekly": [], "exceptions": [{"from": "2026-02-30", "until": "2026-03-01", "closed": True}]},
        {"weekly": [], "exceptions": [{"from": "2026-03-02", "until": "2026-03-01", "closed": True}]},
        {"weekly": [], "exceptions": [{"from": "2026-03-01", "until": "2026-03-01"}]},
        {"weekly": [], "exceptions": [{"from": "2026-03-01", "until": "2026-03-01", "opens": "06:00"}]},
        {"weekly": [], "exceptions": [
            {"from": "2026-03-01", "until": "2026-03-01", "closed": True, "opens": "06:00", "closes": "07:00"}
        ]},
    ],
)  # fmt: skip
def test_hours_that_mean_nothing_are_refused(hours: object) -> None:
    with pytest.raises(ValidationError):
        OpeningHours.model_validate(hours)


def test_hours_come_back_as_they_were_given() -> None:
    hours = {
        "weekly": [{"days": ["mon"], "opens": "06:00", "closes": "24:00"}],
        "exceptions": [{"from": "2026-03-01", "until": "2026-03-02", "closed": True}],
    }
    assert OpeningHours.model_validate(hours).model_dump(mode="json", by_alias=True) == hours


def test_holidays_follow_the_region() -> None:
    epiphany = date(2026, 1, 6)
    assert is_public_holiday("DE", "BY", epiphany)
    assert not is_public_holiday("DE", None, epiphany)
    assert is_public_holiday("DE", None, date(2026, 5, 1))
    assert not is_public_holiday("XX", None, date(2026, 5, 1))
    assert (is_region("DE", "BY"), is_region("DE", "XX"), is_region("XX", "BY")) == (True, False, False)
