"""Which stations a campaign's effect is told from: its own that were open all the while, and the nearest like them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from analytics.domain.campaign_windows import Window
from analytics.domain.campaigns import Campaign, Span
from analytics.domain.grids import DAY, Grid
from analytics.domain.uplift import BASELINE_DAYS
from analytics.repository.stations import Station
from analytics.use_cases.campaign_effects import MOST_CANDIDATES, candidates

FIRST = date(2026, 2, 2)
BEGAN = FIRST + BASELINE_DAYS * DAY


def campaign(number: int, at: int, begins: datetime) -> Campaign:
    """A campaign at one station, without an end."""
    return Campaign(UUID(int=number), None, None, frozenset({UUID(int=at)}), None, None, (Span(begins, None),))


CAMPAIGN = campaign(99, 1, datetime(2026, 3, 30, tzinfo=UTC))
WINDOW = Window(CAMPAIGN, Grid(FIRST, BASELINE_DAYS + 10, ZoneInfo("UTC")), np.ones((10, 24), np.bool_))


def station(number: int, **fields: Any) -> Station:
    standard: dict[str, Any] = {
        "station_id": UUID(int=number), "operator": "anna-oil", "external_id": "1", "name": "Anna", "brand": None,
        "country": "CN", "region": None, "time_zone": "UTC", "currency": "CNY", "lat": 30.0, "lon": 110.0,
        "closed_at": None,
    }  # fmt: skip
    return Station(**standard | fields)


def days(first: date, number: int) -> list[date]:
    return [first + one * DAY for one in range(number)]


def test_stations_that_open_or_close_meanwhile_are_not_counted():
    every = days(FIRST, BASELINE_DAYS + 10)
    opened, closed = days(BEGAN, 10), days(FIRST, BASELINE_DAYS + 2)
    at_times = [day for day in every if day.day % 10]
    known = {UUID(int=number): of for number, of in enumerate((every, opened, closed, at_times))}
    assert WINDOW.steady(known) == [UUID(int=0), UUID(int=3)]
    assert WINDOW.steady({}) == []


def test_all_that_are_young_alike_are_counted():
    young = days(BEGAN - 30 * DAY, 40)
    assert WINDOW.steady({UUID(int=1): young, UUID(int=2): young[1:]}) == [UUID(int=1), UUID(int=2)]


def test_the_nearest_like_it_may_be_comparable():
    own = station(1)
    near = [station(number, lat=30 + number / 100) for number in range(20, 1, -1)]
    others = [
        station(30, operator="berta-oil"), station(31, currency="EUR"), station(32, time_zone="Asia/Shanghai"),
        station(33, lat=30.5), station(34, closed_at=datetime.combine(FIRST, datetime.min.time(), UTC)), own,
    ]  # fmt: skip
    found = candidates(WINDOW, [own], [*near, *others], [])
    assert [one.station_id.int for one in found] == [*range(2, 2 + MOST_CANDIDATES)]
    assert candidates(WINDOW, [own], others, []) == [], "of others, elsewhere, or gone"
    second = station(40, lat=30.2)
    both = candidates(WINDOW, [own, second], near, [])
    assert [one.station_id.int for one in both[:4]] == [20, 19, 2, 18], "near one of them"


def test_where_another_campaign_began_nothing_is_comparable():
    other, near = campaign(98, 2, CAMPAIGN.spans[0].begins - timedelta(5)), [station(2), station(3)]
    assert [one.station_id.int for one in candidates(WINDOW, [station(1)], near, [other])] == [3]
