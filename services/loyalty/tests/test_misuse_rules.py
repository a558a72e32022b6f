"""What looks like misuse, and what does not."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.domain.misuse import (
    DAY,
    REASONS,
    Fill,
    FlagKind,
    FlagStatus,
    Limits,
    Verdict,
    distance_metres,
    findings_of_fill,
    verdict_of,
    worst,
)

LIMITS = Limits(fills_a_day=3, speed_kmh=200, friends_a_day=10)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEIJING, TIANJIN = (39.904, 116.407), (39.084, 117.201)
"""113 km apart."""


def fill(name: str, minutes: float = 0, place: tuple[float, float] | None = BEIJING, station: str = "") -> Fill:
    return Fill(name, station or f"station-{place}", NOON + timedelta(minutes=minutes), place)


def kinds(one: Fill, *others: Fill) -> list[str]:
    return [found.key for found in findings_of_fill("d", one, [one, *others], LIMITS)]


def test_distances_are_those_of_the_globe() -> None:
    assert distance_metres(BEIJING, BEIJING) == 0
    assert distance_metres(BEIJING, TIANJIN) == pytest.approx(113_700, rel=0.01)
    assert distance_metres((0, 0), (0, 180)) == pytest.approx(20_015_000, rel=0.001)


def test_so_many_fills_a_day_are_fine_and_one_more_is_flagged() -> None:
    others = [fill(f"o{n}", -60 * n) for n in range(1, 4)]
    assert kinds(fill("now"), *others[:2]) == []
    assert kinds(fill("now"), *others) == ["many_fills|d|2026-11-20"]
    later = [fill(f"l{n}", 60 * n) for n in range(1, 4)]
    assert kinds(fill("now"), *later) == []
    a_day_ago = fill("old", -24 * 60)
    assert kinds(fill("now"), *others[:2], a_day_ago) == []


def test_stations_that_a_car_cannot_reach_in_time_are_flagged_by_the_later_fill() -> None:
    here, there = fill("here"), fill("there", 30, TIANJIN)
    assert kinds(here, there) == kinds(there, here) == ["fast_hop|d|there"]
    assert kinds(here, fill("there", 35, TIANJIN)) == []
    assert kinds(here, fill("there", 30, None)) == []
    assert kinds(here, fill("there", 30, TIANJIN, station=here.station_id)) == []
    assert kinds(here, fill("there", 0, (39.93, 116.41))) == []
    assert kinds(here, fill("there", 0, TIANJIN)) == ["fast_hop|d|there"]


def test_only_neighbours_in_time_are_a_hop() -> None:
    chain = [fill("a"), fill("b", 60, TIANJIN), fill("c", 70, TIANJIN)]
    assert all(kinds(one, *(other for other in chain if other is not one)) == [] for one in chain)


@given(st.lists(st.tuples(st.integers(-2_000, 2_000), st.integers(0, 3)), max_size=12))
def test_a_pair_is_found_whichever_of_the_two_is_looked_at_last(others: list[tuple[int, int]]) -> None:
    places = [BEIJING, TIANJIN, None, (31.23, 121.47)]
    fills = [fill(f"{index:02}", minutes, places[place]) for index, (minutes, place) in enumerate(others)]
    in_time = sorted(fills, key=lambda one: (one.paid_at, one.order_id))
    keys = {one.order_id: set(kinds(one, *(x for x in fills if x is not one))) for one in fills}
    for earlier, later in pairwise(in_time):
        hop = f"fast_hop|d|{later.order_id}"
        assert (hop in keys[earlier.order_id]) == (hop in keys[later.order_id])
    for one in fills:
        count = sum(one.paid_at - DAY < other.paid_at <= one.paid_at for other in fills)
        assert any(key.startswith("many_fills") for key in keys[one.order_id]) == (count > 3)


def test_one_that_was_confirmed_refuses_and_one_that_is_open_holds_back() -> None:
    opened, cleared, confirmed = FlagStatus.OPEN, FlagStatus.CLEARED, FlagStatus.CONFIRMED
    assert verdict_of([]) is verdict_of([cleared]) is Verdict.CLEAR
    assert verdict_of([cleared, opened]) is Verdict.UNDER_REVIEW
    assert verdict_of([opened, confirmed, cleared]) is Verdict.REFUSED
    assert worst(Verdict.CLEAR, Verdict.UNDER_REVIEW) is Verdict.UNDER_REVIEW
    assert worst(Verdict.REFUSED, Verdict.UNDER_REVIEW) is Verdict.REFUSED


def test_a_driver_is_told_a_reason_for_everything() -> None:
    assert REASONS.keys() == set(FlagKind)
