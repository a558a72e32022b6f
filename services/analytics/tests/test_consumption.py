"""What a vehicle takes, from odometers as people really tell them."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.consumption import Consumption, consumption_of
from analytics.domain.fills import Fill, Refund

STATION = UUID("0199a000-0000-7000-8000-000000000001")
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def fill(day: float, odometer_km: int | None, volume_ml: int = 40_000, fuel: str = "e5", **fields: Any) -> Fill:
    standard: dict[str, Any] = {
        "at": START + day * DAY, "station_id": STATION, "fuel": fuel, "currency": "EUR", "volume_ml": volume_ml,
        "gross_minor": 1, "paid_minor": 1, "discount_minor": 0, "vehicle_id": STATION, "odometer_km": odometer_km,
        "refunds": (),
    }  # fmt: skip
    return Fill(**standard | fields)


def reasons(found: Consumption) -> list[tuple[int, str]]:
    return [(one.odometer_km, one.reason) for one in found.left_out]


def test_fuel_between_two_full_fills_is_what_the_way_took():
    found = consumption_of([fill(0, 50_000), fill(7, 50_500), fill(14, 51_000, 35_000)])
    assert (found.ml_per_100km, found.distance_km, found.volume_ml) == (7_500, 1_000, 75_000)
    assert [one.ml_per_100km for one in found.stretches] == [8_000, 7_000]
    assert (found.readings, found.left_out, found.reason) == (3, (), None)


def test_a_small_fill_is_fuel_and_no_end_of_a_way():
    found = consumption_of([fill(0, 50_000), fill(3, 50_300, 10_000), fill(7, 50_500, 30_000)])
    assert (found.ml_per_100km, found.readings) == (8_000, 2)


def test_a_fill_without_an_odometer_is_fuel_of_the_way():
    assert consumption_of([fill(0, 50_000), fill(3, None), fill(7, 51_000)]).ml_per_100km == 8_000


@pytest.mark.parametrize(
    ("wrong", "reason"), [(5_050, "not_increasing"), (505_000, "too_far"), (50_000, "not_increasing")]
)
def test_a_reading_that_cannot_be_is_left_out_and_its_fuel_is_not(wrong: int, reason: str):
    found = consumption_of([fill(0, 50_000), fill(7, wrong), fill(14, 51_000), fill(21, 51_500)])
    assert (found.ml_per_100km, found.distance_km) == (8_000, 1_500)
    assert reasons(found) == [(wrong, reason)]


def test_a_wrong_first_reading_does_not_spoil_all_others():
    found = consumption_of([fill(0, 500_000), fill(7, 50_500), fill(14, 51_000), fill(21, 51_500)])
    assert (found.distance_km, reasons(found)) == (1_000, [(500_000, "not_increasing")])


def test_a_way_on_which_something_was_not_told_is_left_out():
    found = consumption_of([fill(0, 50_000), fill(7, 50_500), fill(20, 52_900), fill(27, 53_400)])
    assert (found.ml_per_100km, found.distance_km) == (8_000, 1_000)
    assert reasons(found) == [(52_900, "implausible_consumption")]


def test_it_says_why_there_is_no_figure():
    assert consumption_of([]).reason == "too_few_readings"
    assert consumption_of([fill(0, 50_000), fill(7, None)]).reason == "too_few_readings"
    assert consumption_of([fill(0, 50_000), fill(7, 50_000)]).reason == "nothing_plausible"
    both = [fill(0, 50_000), fill(7, 50_500, fuel="cng"), fill(14, 51_000)]
    assert consumption_of(both).reason == "several_kinds_of_fuel"


def test_what_is_not_burnt_or_not_received_is_no_fuel():
    refund = Refund(START, 1, 30_000)
    missing = fill(7, 51_000, 110_000, refunds=(refund,))
    found = consumption_of([fill(0, 50_000, 80_000), fill(3, None, 10_000, "adblue"), missing])
    assert found.ml_per_100km == 8_000


@given(st.integers(0, 10**6), st.integers(4_000, 20_000))
def test_what_a_car_takes_is_found_whatever_some_readings_say(seed: int, takes: int):
    """A car that is always filled up; some odometers are not told, some wrongly, never two one after the other."""
    random, fills, km, wrong = Random(seed), list[Fill](), 10_000, True  # noqa: S311 - made-up readings
    for week in range(30):
        way = random.randrange(300, 600)
        km += way
        wrong = not wrong and random.random() < 0.4
        said = random.choice((None, km * 10, km // 10)) if wrong else km
        fills.append(fill(7 * week, said, way * takes // 100))
    found = consumption_of(fills)
    assert found.ml_per_100km is not None
    assert abs(found.ml_per_100km - takes) <= takes / 100 + 10
    assert found.distance_km <= km - 10_000


@given(st.lists(st.tuples(st.integers(0, 60), st.none() | st.integers(0, 10**6), st.integers(0, 90_000)), max_size=25))
def test_whatever_is_told_each_way_is_one_that_can_be(told: list[tuple[int, int | None, int]]):
    fills = [fill(day, odometer, volume) for day, odometer, volume in sorted(told, key=lambda one: one[0])]
    found = consumption_of(fills)
    for stretch in found.stretches:
        days = max(1.0, (stretch.to_at - stretch.from_at) / DAY)
        assert 0 < stretch.distance_km <= 3_000 * days
        assert 2_000 <= stretch.ml_per_100km <= 60_000
    assert len(found.left_out) <= found.readings
    assert (found.ml_per_100km is None) == (found.reason is not None)
