"""What is known of stations, and which are near one another, on the real database."""

from datetime import timedelta
from math import acos, cos, radians, sin
from random import Random
from typing import Any
from uuid import UUID

import pytest

from analytics.repository.stations import EARTH_RADIUS_M, Station, Stations, distance_m
from schemas.events import StationClosedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.ids import new_id

from .conftest import Analytics
from .sales_kit import LONG_AGO
from .view_kit import take

CLOSED_AT = LONG_AGO + timedelta(days=100)


def state(analytics: Analytics, **fields: Any) -> dict[str, Any]:
    return {
        "station_id": new_id(), "version": 1, "operator": analytics.operator, "external_id": "1", "name": "Anna",
        "country": "CN", "time_zone": "Asia/Shanghai", "currency": "CNY", "lat": 39.9, "lon": 116.4,
        "occurred_at": LONG_AGO,
    } | fields  # fmt: skip


async def around(analytics: Analytics, lat: float, lon: float, count: int = 30) -> list[Station]:
    """Stations within some kilometres of a place; each third of them closed."""
    chance = Random(lat)  # noqa: S311 - places are no secret
    events: list[Any] = []
    for number in range(count):
        north, east = lat + chance.uniform(-0.08, 0.08), lon + chance.uniform(-0.1, 0.1) / cos(radians(lat))
        if north > 90:
            north, east = 180 - north, east + 180
        place = {"lat": north, "lon": (east + 180) % 360 - 180}
        registered = StationRegisteredV1(**state(analytics, **place))
        events.append(registered)
        if number % 3 == 2:
            closed = state(analytics, **place, station_id=registered.station_id, version=2, occurred_at=CLOSED_AT)
            events.append(StationClosedV1(**closed))
    await take(analytics, *events)
    return await Stations(analytics.process.views).stations_of([analytics.operator])


def straight(one: Station, other: Station) -> float:
    """The same distance another way: by the angle between them."""
    north, south = radians(one.lat), radians(other.lat)
    return EARTH_RADIUS_M * acos(
        min(1.0, sin(north) * sin(south) + cos(north) * cos(south) * cos(radians(one.lon - other.lon)))
    )


@pytest.mark.parametrize(("lat", "lon"), [(31.2, 121.5), (-17.0, 179.99), (52.0, -179.98), (89.97, 10.0)])
async def test_neighbours_are_the_nearest_open_ones_wherever_on_the_globe(analytics: Analytics, lat: float, lon: float):
    placed = await around(analytics, lat, lon)
    stations = Stations(analytics.process.views)
    found = [await stations.neighbours(station, radius_m=6_000, most=5) for station in placed]
    assert await stations.neighbours_of(placed, radius_m=6_000, most=5) == found
    for station, near in zip(placed, found, strict=True):
        apart = sorted(
            (straight(station, one), one.station_id) for one in placed if one is not station and not one.closed_at
        )
        assert [one.station_id for one in near] == [one for metres, one in apart if metres <= 6_000][:5]
        assert all(abs(distance_m(station, one) - straight(station, one)) < 1 for one in near)
    assert any(found)


async def test_who_closed_later_than_asked_is_a_neighbour(analytics: Analytics):
    one, *others = await around(analytics, -31.2, 20.0, count=6)
    still_open = {other.station_id for other in others if not other.closed_at}
    a_moment_before = CLOSED_AT - timedelta(milliseconds=1)
    for open_after, expected in (
        (None, still_open), (CLOSED_AT, still_open), (a_moment_before, {other.station_id for other in others})
    ):  # fmt: skip
        near = await Stations(analytics.process.views).neighbours(one, 50_000, 10, open_after)
        assert {other.station_id for other in near} == expected


async def test_stations_are_found_by_operator_and_id(analytics: Analytics):
    mine, moved, other = (state(analytics) for _ in range(3))
    other["operator"] = "canary-other-oil"
    await take(
        analytics, *(StationRegisteredV1(**one) for one in (mine, moved, other)),
        StationUpdatedV1(**moved | {"version": 2, "operator": "canary-new-oil", "brand": "Berta"}),
    )  # fmt: skip
    stations = Stations(analytics.process.views)

    async def ids(*operators: str, of: tuple[UUID, ...] = ()) -> set[UUID]:
        return {one.station_id for one in await stations.stations_of(operators, of)}

    assert await ids(analytics.operator) == {mine["station_id"]}
    assert await ids(analytics.operator, of=(moved["station_id"],)) == {mine["station_id"], moved["station_id"]}
    assert await ids() == set()
    found = await stations.station(moved["station_id"])
    assert found
    assert (found.operator, found.brand, found.lat, found.lon) == ("canary-new-oil", "Berta", 39.9, 116.4)
    assert await stations.station(new_id()) is None
