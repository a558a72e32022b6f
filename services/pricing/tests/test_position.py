"""A price among its neighbours': the ground, the ranking, and both over HTTP on the real Postgres."""

from datetime import UTC, datetime, timedelta
from math import asin, atan2, cos, degrees, radians, sin
from statistics import median_low
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.domain.places import EARTH_RADIUS_M, Place, box_around, distance_m
from pricing.domain.position import position
from servicekit.ids import new_id

from .conftest import Pricing, item

places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def walk(start: Place, bearing: float, metres: float) -> Place:
    """Where one comes to, straight on along a great circle."""
    lat, lon, way = radians(start[0]), radians(start[1]), metres / EARTH_RADIUS_M
    there = asin(max(-1, min(1, sin(lat) * cos(way) + cos(lat) * sin(way) * cos(bearing))))
    turn = atan2(sin(bearing) * sin(way) * cos(lat), cos(way) - sin(lat) * sin(there))
    return degrees(there), (degrees(lon + turn) + 180) % 360 - 180


@given(places, st.floats(0, 6.28), st.floats(0, 50_000))
def test_a_box_holds_the_whole_circle_at_the_poles_and_the_date_line_too(start: Place, bearing: float, metres: float):
    south, west, north, east = box_around(start, 50_000)
    lat, lon = walk(start, bearing, metres)
    assert south <= lat <= north
    assert west <= lon <= east


@given(places, st.floats(0, 6.28), st.floats(0, 50_000))
def test_a_distance_is_as_far_as_one_walked(start: Place, bearing: float, metres: float):
    assert distance_m(start, walk(start, bearing, metres)) == pytest.approx(metres, abs=0.2)


def test_a_known_distance():
    assert distance_m((52.5163, 13.3777), (48.8584, 2.2945)) == pytest.approx(878_000, rel=0.005)


prices = st.lists(st.integers(1_500, 1_520), max_size=12)


@given(st.integers(1_500, 1_520), prices)
def test_a_rank_counts_the_cheaper_ones(own: int, others: list[int]):
    found = position(own, others)
    assert found.rank == 1 + sum(other < own for other in others)
    assert found.tied == sum(other == own for other in others)
    assert (found.stations, found.cheapest_mills) == (1 + len(others), min(own, *others, own))
    assert found.median_mills == median_low([own, *others])
    assert found.above_median_mills == own - median_low([own, *others])


@given(prices)
def test_without_a_price_there_is_no_rank(others: list[int]):
    found = position(None, others)
    assert (found.rank, found.tied, found.above_cheapest_mills, found.above_median_percent) == (None,) * 4
    assert (found.stations, found.cheapest_mills) == (len(others), min(others, default=None))


async def ask(pricing: Pricing, station_id: UUID, **query: Any) -> dict[str, Any]:
    params = {"fuel": "e5", "radius_m": 5_000} | query
    reply = await pricing.client.get(f"/v1/stations/{station_id}/prices/position", params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_a_station_among_its_neighbours(pricing: Pricing):
    """In the emptiest part of the ocean: two nearby, one across the date line, and all who do not count."""
    now = datetime.now(UTC)
    offers: list[tuple[tuple[float, float], int | None, dict[str, Any]]] = [
        ((-45.0, 179.99), 1_700, {}), ((-45.0, 179.98), 1_650, {}), ((-45.01, -179.99), 1_700, {}),
        ((-45.2, 179.99), 1_500, {}), ((-45.0, 179.99), 1_600, {"currency": "GBP"}), ((-45.0, 179.99), None, {}),
        ((-45.0, 179.99), 1_610, {"fuel": "e10"}), ((-45.0, 179.99), 1_620, {"at": now - timedelta(days=4)}),
    ]  # fmt: skip
    ids = []
    for (lat, lon), mills, other in offers:
        currency = other.get("currency", "EUR")
        ids.append(await pricing.register(lat=lat, lon=lon, currency=currency))
        at = other.get("at", now).isoformat()
        said = item(ids[-1], mills, effective_at=at, currency=currency, fuel=other.get("fuel", "e5"))
        assert (await pricing.report(said)).json()["verdicts"][0]["verdict"] == "accepted"
    told = await ask(pricing, ids[0])
    assert told == {
        "station_id": str(ids[0]), "fuel": "e5", "radius_m": 5_000, "currency": "EUR", "price_mills": 1_700,
        "stations": 3, "rank": 2, "tied": 1, "cheapest_mills": 1_650, "median_mills": 1_700, "above_cheapest_mills": 50,
        "above_median_mills": 0, "above_median_percent": 0.0,
    }  # fmt: skip
    assert (await ask(pricing, ids[5]))["rank"] is None
    assert (await ask(pricing, ids[5]))["stations"] == 3
    assert (await ask(pricing, ids[0], fuel="lpg"))["cheapest_mills"] is None
    assert (await ask(pricing, ids[0], radius_m=50_000))["cheapest_mills"] == 1_500


async def test_bad_questions_are_problems(pricing: Pricing):
    station_id = await pricing.register()
    for query, status in [({"radius_m": 50_001}, 422), ({"radius_m": 0}, 422), ({"fuel": "kerosene"}, 422)]:
        params = {"fuel": "e5"} | query
        reply = await pricing.client.get(f"/v1/stations/{station_id}/prices/position", params=params)
        assert reply.status_code == status
    reply = await pricing.client.get(f"/v1/stations/{new_id()}/prices/position", params={"fuel": "e5"})
    assert reply.status_code == 404
    async with pricing.store.connection() as connection:
        await connection.execute("UPDATE stations SET lat = NULL, lon = NULL WHERE station_id = $1", station_id)
    reply = await pricing.client.get(f"/v1/stations/{station_id}/prices/position", params={"fuel": "e5"})
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:forecourt:problem:place-unknown")
