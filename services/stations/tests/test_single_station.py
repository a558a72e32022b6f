"""Registering and changing a single station, by the rules of imports."""

import asyncio
from typing import Any
from uuid import UUID

from schemas.events import PumpStatusChangedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.ids import new_id
from stations.domain.profile import Refusal, StationRow, patched
from stations.http_models.search import StationDetail

from .conftest import Stations, row

HOURS = {
    "weekly": [{"days": ["mon"], "opens": "06:00", "closes": "22:00"}],
    "exceptions": [{"from": "2026-12-24", "until": "2026-12-24", "closed": True}],
}


async def post(stations: Stations, **fields: Any) -> Any:
    body = row(operator=stations.operator, **fields)
    return await stations.client.post("/v1/stations", json=body, headers=stations.bearer("stations:write"))


async def patch(stations: Stations, station_id: object, **body: Any) -> Any:
    url, headers = f"/v1/stations/{station_id}", stations.bearer("stations:write")
    return await stations.client.patch(url, json=body, headers=headers)


async def test_a_station_is_registered_once(stations: Stations) -> None:
    first = await post(stations, external_id="a", opening_hours=HOURS, pumps=[{"pump_id": "1", "fuels": ["e5"]}])
    assert first.status_code == 201, first.text
    station = StationDetail.model_validate_json(first.content)
    assert first.headers["location"] == f"/v1/stations/{station.station_id}"
    assert (station.external_id, station.version, station.pumps[0].fuels) == ("a", 1, ["e5"])
    again = await post(stations, external_id="a", name="other")
    assert (again.status_code, again.json()["type"]) == (409, "urn:forecourt:problem:station-exists")
    assert again.json()["station_id"] == str(station.station_id)
    (event,) = await stations.events("stations.stations", station.station_id)
    assert isinstance(event, StationRegisteredV1)
    (pump,) = await stations.events("stations.pumps", station.station_id)
    assert isinstance(pump, PumpStatusChangedV1)
    imported = await stations.send(row(external_id="a", opening_hours=HOURS, pumps=[{"pump_id": "1", "fuels": ["e5"]}]))
    assert imported.json()["counts"]["unchanged"] == 1


async def test_registrations_that_race_make_one_station(stations: Stations) -> None:
    answers = await asyncio.gather(*(post(stations, external_id="a") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_a_patch_changes_what_it_names(stations: Stations) -> None:
    station_id = await stations.register(external_id="a", opening_hours=HOURS, facilities=["shop"], fuels=["e5"])
    before = StationDetail.model_validate_json((await stations.client.get(f"/v1/stations/{station_id}")).content)
    changed = await patch(
        stations,
        station_id,
        name="Aral Alex",
        brand=None,
        address={"city": "Potsdam", "street": None},
        fuels=["e10", "e5"],
    )
    after = StationDetail.model_validate_json(changed.content)
    assert (after.name, after.brand, after.fuels, after.version) == ("Aral Alex", None, ["e5", "e10"], 2)
    assert (after.address.city, after.address.street, after.address.post_code) == ("Potsdam", None, "10178")
    assert (after.opening_hours, after.facilities) == (before.opening_hours, before.facilities)
    _, event = await stations.events("stations.stations", station_id)
    assert isinstance(event, StationUpdatedV1)
    assert (event.version, event.name, event.external_id) == (2, "Aral Alex", "a")
    assert (await patch(stations, station_id, name="Aral Alex")).json()["version"] == 2
    assert (await patch(stations, station_id)).json()["version"] == 2
    assert (await patch(stations, station_id, opening_hours=None, address=None, facilities=None)).status_code == 200


async def test_a_patch_of_an_old_version_changes_nothing(stations: Stations) -> None:
    station_id = await stations.register()
    assert (await patch(stations, station_id, name="one", version=1)).json()["version"] == 2
    refused = await patch(stations, station_id, name="two", version=1)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:forecourt:problem:station-changed")
    assert refused.json()["version"] == 2
    assert (await stations.client.get(f"/v1/stations/{station_id}")).json()["name"] == "one"


async def test_patches_that_race_all_count(stations: Stations) -> None:
    station_id = await stations.register()
    fields: list[dict[str, Any]] = [
        {"name": "x"}, {"brand": "y"}, {"facilities": ["shop"]}, {"address": {"city": "Bonn"}}, {"fuels": ["lpg"]}
    ]  # fmt: skip
    await asyncio.gather(*(patch(stations, station_id, **body) for body in fields))
    shown = (await stations.client.get(f"/v1/stations/{station_id}")).json()
    assert (shown["name"], shown["brand"], shown["facilities"], shown["fuels"]) == ("x", "y", ["shop"], ["lpg"])
    assert (shown["address"]["city"], shown["address"]["post_code"], shown["version"]) == ("Bonn", "10178", 6)


async def test_a_patch_describes_pumps_and_removes_none(stations: Stations) -> None:
    station_id = await stations.register(pumps=[{"pump_id": "1"}])
    shown = (await patch(stations, station_id, pumps=[{"pump_id": "2", "fuels": ["e5"]}])).json()
    assert [(pump["pump_id"], pump["fuels"]) for pump in shown["pumps"]] == [("1", []), ("2", ["e5"])]


WRONG_PATCHES: list[dict[str, Any]] = [
    {"name": None}, {"name": "please delete"}, {"lat": 0.0, "lon": 0.0}, {"time_zone": "Mars/Olympus"}, {"lat": "52"},
     {"external_id": "b"}, {"operator": "other"}, {"$set": {}}, {"address": {"planet": "Mars"}}, {"fuels": ["rocket"]},
     {"country": "AT"}, {"version": 0}, {"opening_hours": {"weekly": []}}, {"prices": {}},
]  # fmt: skip


async def test_a_patch_that_would_make_a_wrong_station_is_refused(stations: Stations) -> None:
    station_id = await stations.register()
    for body in WRONG_PATCHES:
        refused = await patch(stations, station_id, **body)
        assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json"), body
    assert (await stations.client.get(f"/v1/stations/{station_id}")).json()["version"] == 1


async def test_a_wrong_station_is_not_registered(stations: Stations) -> None:
    for fields in ({"name": " "}, {"lat": 0, "lon": 0}, {"currency": "EUX"}, {"owner": "me"}, {"pumps": [{}]}):
        assert (await post(stations, **fields)).status_code == 422


async def test_a_closed_station_does_not_change(stations: Stations) -> None:
    station_id = await stations.register()
    headers = stations.bearer("stations:write")
    await stations.client.post(f"/v1/stations/{station_id}/closures", json={}, headers=headers)
    refused = await patch(stations, station_id, name="new")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:forecourt:problem:station-closed")
    assert (await patch(stations, new_id(), name="new")).status_code == 404


def test_a_patch_is_judged_as_a_row() -> None:
    profile = StationRow.model_validate(row(external_id="a")).profile()
    same = patched("a", profile, {})
    assert isinstance(same, StationRow)
    assert (same.external_id, same.profile()) == ("a", profile)
    refused = patched("a", profile, {"currency": None})
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.external_id) == ("missing_field", "a")


async def test_a_new_station_has_an_id_of_its_own(stations: Stations) -> None:
    ids = {UUID((await post(stations)).json()["station_id"]) for _ in range(2)}
    assert {station_id.version for station_id in ids} == {7}
    assert len(ids) == 2
