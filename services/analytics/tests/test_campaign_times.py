"""When a campaign held is what it would be if each minute were looked at; and hours lie where clocks show them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain.campaigns import HOUR, MINUTE, Campaign, Span, WeekHours, campaign_of
from analytics.domain.grids import Grid

CAMPAIGN = UUID("0199a000-0000-7000-8000-00000000c0de")
START = datetime(2026, 3, 27, tzinfo=UTC)
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Shanghai", "Asia/Kolkata", "UTC")]
MOMENTS = st.integers(0, 5 * 24 * 60).map(lambda minutes: START + minutes * MINUTE)
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30]))
WINDOWS = st.builds(
    WeekHours, st.frozensets(st.integers(1, 7), min_size=1, max_size=3), CLOCKS, CLOCKS
)  # fmt: skip


def campaign(changes: list[dict[str, Any]], hours: tuple[WeekHours, ...] | None = None) -> Campaign:
    terms = dict.fromkeys(["name", "operators", "station_ids", "fuels"])
    listed = hours and [one._asdict() for one in hours]
    return campaign_of({"campaign_id": CAMPAIGN, **terms, "hours": listed, "changes": changes})


def change(at: datetime, holds: bool = True, ends_at: datetime | None = None, starts_at: datetime = START) -> Any:
    return {"at": at, "holds": holds, "starts_at": starts_at, "ends_at": ends_at}


@given(
    st.lists(st.tuples(MOMENTS, MOMENTS, st.none() | MOMENTS, st.booleans()), max_size=5),
    st.none() | st.lists(WINDOWS, min_size=1, max_size=2).map(tuple), st.sampled_from(ZONES),
)  # fmt: skip
@settings(max_examples=30)
def test_spans_and_hours_are_those_of_minutes_painted_one_by_one(
    told: list[tuple[datetime, datetime, datetime | None, bool]], hours: tuple[WeekHours, ...] | None, zone: ZoneInfo
):
    told = sorted(told, key=lambda one: one[0])
    one = campaign([change(at, holds, ends, starts) for at, starts, ends, holds in told], hours)
    for number in range(0, 5 * 24, 3):
        hour = START + number * HOUR
        painted = 0
        for minute in (hour + minute * MINUTE for minute in range(60)):
            known = [of for of in told if of[0] <= minute]
            if known and known[-1][3] and known[-1][1] <= minute and (known[-1][2] is None or minute < known[-1][2]):
                painted += campaign([change(START)], hours).holds(minute, zone)
        assert one.minutes_of(hour, zone) == painted


def test_a_pause_makes_two_spans_and_an_adjustment_none():
    hours = [START + number * HOUR for number in range(6)]
    one = campaign([
        change(hours[0], ends_at=hours[5]), change(hours[1], ends_at=hours[4]), change(hours[2], holds=False),
        change(hours[3], ends_at=hours[4]),
    ])  # fmt: skip
    assert one.spans == (Span(hours[0], hours[2]), Span(hours[3], hours[4]))
    assert one.is_constant(hours[0], hours[2])
    assert one.is_constant(hours[2], hours[3]), "it never held"
    assert one.is_constant(hours[4], hours[5] + HOUR), "it was over"
    assert not one.is_constant(hours[1], hours[3])
    assert not one.is_constant(hours[2], hours[4])


def test_a_campaign_is_where_its_terms_say():
    here, there = UUID(int=1), UUID(int=2)
    terms = {"campaign_id": CAMPAIGN, "name": None, "fuels": None, "hours": None, "changes": []}
    everywhere = campaign_of({**terms, "operators": None, "station_ids": None})
    mine = campaign_of({**terms, "operators": ["anna-oil"], "station_ids": None})
    one = campaign_of({**terms, "operators": ["anna-oil"], "station_ids": [here]})
    assert [of.is_at(here, "anna-oil") for of in (everywhere, mine, one)] == [True, True, True]
    assert [of.is_at(there, "anna-oil") for of in (everywhere, mine, one)] == [True, True, False]
    assert [of.is_at(here, "berta-oil") for of in (everywhere, mine, one)] == [True, False, False]


def test_hours_lie_where_clocks_show_them():
    berlin = Grid(date(2026, 3, 28), 3, ZoneInfo("Europe/Berlin"))
    laid = berlin.laid_out(berlin.hours, [[1] * len(berlin.hours)])[0]
    assert len(berlin.hours) == 71
    assert laid.sum() == 71
    assert laid[1, 2] == 0, "the hour that clocks skip"
    autumn = Grid(date(2026, 10, 25), 1, ZoneInfo("Europe/Berlin"))
    assert autumn.laid_out(autumn.hours, [[1] * 25])[0][0, 2] == 2, "the hour that they show twice"
    kolkata = Grid(date(2026, 3, 28), 1, ZoneInfo("Asia/Kolkata"))
    assert [hour.astimezone(kolkata.zone).day for hour in kolkata.hours] == [28] * 24
    outside = [berlin.begins_at - HOUR, berlin.begins_at, berlin.ends_at, berlin.ends_at + timedelta(days=9)]
    assert berlin.laid_out(outside, [[1, 2, 3, 4]]).sum() == 2
