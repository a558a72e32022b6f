"""Imports on the real store: verdicts, idempotence, events, races and a crash."""

import asyncio
from uuid import UUID

import pytest

from schemas.events import PumpStatusChangedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.ids import new_id
from servicekit.mongo import MongoStore
from servicekit.testkit import Issuer, KafkaProbe, running
from stations.main import create_app
from stations.repository.stations import StationRepository
from stations.settings import Settings
from stations.use_cases import stations as use_cases

from .conftest import Stations, row


async def test_one_bad_row_never_fails_the_others(stations: Stations) -> None:
    response = await stations.send(row(external_id="a"), row(lat=0, lon=0, external_id="b"), 7, row(external_id="a"))
    assert response.status_code == 200
    body = response.json()
    assert [(r["index"], r["external_id"], r["verdict"], r["reason"]) for r in body["results"]] == [
        (0, "a", "created", None),
        (1, "b", "rejected", "impossible_coordinates"),
        (2, None, "rejected", "wrong_type"),
        (3, "a", "rejected", "duplicate_external_id"),
    ]
    assert body["counts"] == {"created": 1, "updated": 0, "unchanged": 0, "rejected": 3}
    assert UUID(body["results"][0]["station_id"]).version == 7


async def test_the_same_import_again_changes_and_publishes_nothing(stations: Stations) -> None:
    hours = {
        "weekly": [{"days": ["mon", "holiday"], "opens": "06:00", "closes": "24:00"}],
        "exceptions": [{"from": "2026-12-24", "until": "2026-12-24", "closed": True}],
    }
    rows = [
        row(opening_hours=hours, holiday_region="BY", facilities=["shop"], fuels=["diesel_b7", "e5"]),
        row(pumps=[{"pump_id": "1", "fuels": ["e5"]}], lat=52.123456789),
        row(name="Grü\x81ne Tankstelle", brand=None, address={}),
    ]
    first, again = [(await stations.send(*rows)).json() for _ in range(2)]
    assert again["counts"] == {"created": 0, "updated": 0, "unchanged": 3, "rejected": 0}
    ids = [UUID(result["station_id"]) for result in first["results"]]
    assert [UUID(result["station_id"]) for result in again["results"]] == ids
    assert [type(event) for event in await stations.events("stations.stations", *ids)] == [StationRegisteredV1] * 3
    assert [type(event) for event in await stations.events("stations.pumps", *ids)] == [PumpStatusChangedV1]


async def test_a_changed_row_is_published_whole_with_the_next_version(stations: Stations) -> None:
    station_id = await stations.register(external_id="a")
    changed = await stations.send(row(external_id="a", name="Aral Alex", brand="Aral", fuels=["e10", "e5"]))
    assert changed.json()["results"][0]["verdict"] == "updated"
    registered, updated = await stations.events("stations.stations", station_id)
    assert isinstance(registered, StationRegisteredV1)
    assert isinstance(updated, StationUpdatedV1)
    assert (registered.version, updated.version) == (1, 2)
    assert (updated.name, updated.brand, updated.fuels, updated.lat) == ("Aral Alex", "Aral", ["e5", "e10"], 52.52)
    assert (updated.operator, updated.external_id) == (stations.operator, "a")


async def test_operators_do_not_share_external_ids(stations: Stations) -> None:
    first = await stations.register(external_id="a")
    stations.operator = f"operator-{new_id()}"
    assert await stations.register(external_id="a") != first


async def test_a_closed_station_is_not_revived_by_its_feed(stations: Stations) -> None:
    station_id = await stations.register(external_id="a")
    headers = stations.bearer("stations:write")
    await stations.client.post(f"/v1/stations/{station_id}/closures", json={}, headers=headers)
    response = await stations.send(row(external_id="a"), row(external_id="b"))
    assert [r["reason"] or r["verdict"] for r in response.json()["results"]] == ["station_closed", "created"]


async def test_too_many_pumps_reject_their_row_alone(stations: Stations) -> None:
    await stations.register(external_id="a", pumps=[{"pump_id": str(n)} for n in range(100)])
    response = await stations.send(row(external_id="a", pumps=[{"pump_id": "new"}]), row(external_id="b"))
    assert [r["reason"] or r["verdict"] for r in response.json()["results"]] == ["too_long", "created"]


async def test_imports_that_race_create_each_station_once(stations: Stations) -> None:
    rows = [row(external_id=str(n)) for n in range(50)]
    responses = await asyncio.gather(*(stations.send(*rows) for _ in range(4)))
    counts = [response.json()["counts"] for response in responses]
    assert sum(count["created"] for count in counts) == 50
    assert sum(count["unchanged"] for count in counts) == 150
    assert await stations.store.database.stations.count_documents({"operator": stations.operator}) == 50


async def test_an_event_whose_service_died_before_publishing_leaves_once(
    settings: Settings, issuer: Issuer, kafka: KafkaProbe
) -> None:
    operator = f"operator-{new_id()}"
    async with MongoStore.connect(settings) as store:  # no relay runs: the process died right after its commit
        (verdict,) = await use_cases.import_stations(StationRepository(store), operator, [row()])
    assert verdict.station_id is not None
    for _ in range(2):
        app = create_app(settings)
        async with running(app) as client:
            stations = Stations(client, app.state.store, issuer, settings, kafka, operator, app.state.indexer)
            assert len(await stations.events("stations.stations", verdict.station_id)) == 1


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b'{"operator": "o", "stations": [' + b"[" * 100_000, 400),
        (b'{"operator": "o", "stations": []}', 422),
        (b'{"operator": "O.$o", "stations": [{}]}', 422),
        (b'{"operator": "o", "stations": [{}], "more": 1}', 422),
        (b'{"operator": "o", "stations": [' + b"{}," * 1_000 + b"{}]}", 422),
        (b" " * (2 * 1024 * 1024 + 1), 413),
    ],
    ids=["no JSON", "too deep", "no rows", "bad operator", "unknown field", "too many rows", "too large"],
)
async def test_an_import_that_is_wrong_as_a_whole_is_a_problem(stations: Stations, content: bytes, status: int) -> None:
    stations.operator = "o"
    headers = stations.bearer("stations:write") | {"content-type": "application/json"}
    response = await stations.client.post("/v1/station-imports", content=content, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


async def test_json_that_python_reads_and_stores_cannot_take_is_a_verdict(stations: Stations) -> None:
    stations.operator = "o"
    content = (
        b'{"operator": "o", "stations": [{"external_id": "a\\ud800", "name": "\\u0000", "lat": NaN, "\\ud800": 1},'
        b' {"external_id": "b", "name": "x", "country": "DE", "time_zone": "Europe/Berlin", "currency": "EUR",'
        b' "lat": NaN, "lon": 1e999}]}'
    )
    headers = stations.bearer("stations:write") | {"content-type": "application/json"}
    response = await stations.client.post("/v1/station-imports", content=content, headers=headers)
    assert response.status_code == 200, response.text
    assert [r["reason"] for r in response.json()["results"]] == ["wrong_type", "impossible_coordinates"]
