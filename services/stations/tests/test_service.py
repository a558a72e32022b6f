"""The service as operators and clients meet it."""

from importlib import util
from pathlib import Path

from servicekit.testkit import eventually

from .conftest import Stations

MIGRATION = Path(__file__).parents[1] / "migrations" / "0001_stations.py"


async def test_it_is_ready_and_alive(stations: Stations) -> None:
    async def is_well() -> bool:
        answers = [await stations.client.get(path) for path in ("/readyz", "/healthz")]
        return [answer.status_code for answer in answers] == [200, 200]

    assert await eventually(is_well)


async def test_the_migration_is_repeatable_and_its_indexes_are_there(stations: Stations) -> None:
    spec = util.spec_from_file_location("migration", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    migration = util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    await migration.migrate(stations.store.database)
    indexes = await stations.store.database.stations.index_information()
    assert {"location_2dsphere", "operator_1_external_id_1", "operator_1__id_1", "brand_folded_1__id_1"} <= set(indexes)
    assert indexes["operator_1_external_id_1"]["unique"]


async def test_every_route_has_a_summary_a_tag_and_documented_problems(stations: Stations) -> None:
    paths = (await stations.client.get("/openapi.json")).json()["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert len(operations) >= 8
    for operation in operations:
        assert operation["summary"]
        assert operation["tags"] in (["stations"], ["reviews"], ["favourites"])
        assert "application/problem+json" in operation["responses"]["422"]["content"]
        good = next(response for status, response in operation["responses"].items() if status in {"200", "201", "204"})
        assert "204" in operation["responses"] or good["content"]["application/json"]["schema"]
