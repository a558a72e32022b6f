"""Pumps and closing for good, over HTTP and on Kafka."""

from typing import Any

import pytest

from schemas.events import PumpStatusChangedV1, StationClosedV1, StationRegisteredV1
from servicekit.ids import new_id
from stations.http_models.pumps import Pumps, SetPump
from stations.http_models.search import StationDetail
from stations.http_models.stations import ClosedStation

from .conftest import Stations


async def set_pump(stations: Stations, station_id: object, pump_id: str, **body: Any) -> Any:
    url = f"/v1/stations/{station_id}/pumps/{pump_id}"
    return await stations.client.put(url, json=body, headers=stations.bearer("pumps:write"))


async def close(stations: Stations, station_id: object, **body: Any) -> Any:
    url = f"/v1/stations/{station_id}/closures"
    return await stations.client.post(url, json=body, headers=stations.bearer("stations:write"))


async def test_a_pump_is_told_of_only_when_it_changes(stations: Stations) -> None:
    station_id = await stations.register()
    for status in ("free", "free", "in_use", "in_use", "out_of_order"):
        response = await set_pump(stations, station_id, "1", status=status, fuels=["e10", "e5"])
        assert response.status_code == 200
    assert SetPump.model_validate_json(response.content).version == 3
    events = await stations.events("stations.pumps", station_id)
    assert all(isinstance(event, PumpStatusChangedV1) for event in events)
    told = [(event.version, event.status, event.fuels) for event in events if isinstance(event, PumpStatusChangedV1)]
    assert told == [(1, "free", ["e5", "e10"]), (2, "in_use", ["e5", "e10"]), (3, "out_of_order", ["e5", "e10"])]


async def test_the_pumps_of_a_station_can_be_read(stations: Stations) -> None:
    station_id = await stations.register(pumps=[{"pump_id": "2", "fuels": ["e5"]}, {"pump_id": "1"}])
    response = await stations.client.get(f"/v1/stations/{station_id}/pumps")
    pumps = Pumps.model_validate_json(response.content)
    assert [(pump.pump_id, pump.status, pump.fuels) for pump in pumps.pumps] == [
        ("1", "free", []),
        ("2", "free", ["e5"]),
    ]
    assert (await stations.client.get(f"/v1/stations/{new_id()}/pumps")).status_code == 404


@pytest.mark.parametrize(
    ("pump_id", "body"),
    [
        ("a.b", {"status": "free", "fuels": []}),
        ("$x", {"status": "free", "fuels": []}),
        ("x" * 17, {"status": "free", "fuels": []}),
        ("1", {"status": "on_fire", "fuels": []}),
        ("1", {"status": "free", "fuels": ["rocket"]}),
        ("1", {"status": "free"}),
        ("1", {"status": "free", "fuels": [], "version": 7}),
    ],
)
async def test_a_wrong_pump_is_refused(stations: Stations, pump_id: str, body: dict[str, Any]) -> None:
    station_id = await stations.register()
    assert (await set_pump(stations, station_id, pump_id, **body)).status_code == 422


async def test_a_closed_station_leaves_the_searches_once_and_for_good(stations: Stations, searched: Stations) -> None:
    brand = f"brand {new_id()}"
    station_id = await stations.register(brand=brand, external_id="a")
    first, again = [await close(stations, station_id, reason=reason) for reason in ("sold", "sold twice")]
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert ClosedStation.model_validate_json(first.content).closed_reason == "sold"
    near = {"lat": 52.52, "lon": 13.41, "brand": brand}
    for url, params in (("/v1/stations/nearby", near), ("/v1/stations", {"brand": brand})):
        assert (await stations.client.get(url, params=params)).json()["stations"] == []
    shown = StationDetail.model_validate_json((await stations.client.get(f"/v1/stations/{station_id}")).content)
    assert (shown.closed_reason, shown.open_now, shown.prices, shown.version) == ("sold", False, [], 2)
    registered, closed = await stations.events("stations.stations", station_id)
    assert isinstance(registered, StationRegisteredV1)
    assert isinstance(closed, StationClosedV1)
    assert (closed.version, closed.reason, closed.external_id) == (2, "sold", "a")
    refused = await set_pump(stations, station_id, "1", status="free", fuels=[])
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:forecourt:problem:station-closed")


async def test_the_101st_pump_is_refused(stations: Stations) -> None:
    station_id = await stations.register(pumps=[{"pump_id": str(n)} for n in range(100)])
    refused = await set_pump(stations, station_id, "new", status="free", fuels=[])
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:forecourt:problem:too-many-pumps")
