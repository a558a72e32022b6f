"""Migrations on the real stores: each once, never changed, all or nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from local_stack.config import Config
from local_stack.secrets import load
from servicekit.ids import new_id
from servicekit.migrations import PLUMBING, MigrationError, migrate, migrate_mongo, migrate_postgres

from .conftest import empty_schema

PLUMBING_NAMES = [path.name for path in sorted(PLUMBING.glob("*.sql"))]


@pytest.fixture
async def dsn(infrastructure: Config) -> AsyncIterator[str]:
    async with empty_schema(infrastructure) as dsn:
        yield dsn


@pytest.fixture
async def mongo_place(infrastructure: Config) -> AsyncIterator[tuple[str, str]]:
    name = f"kit_{new_id().hex}"
    url = f"mongodb://root:{load(infrastructure)['mongo.root']}@127.0.0.1:{infrastructure.mongo_port}/?replicaSet=rs0"
    yield url, name
    client = AsyncIOMotorClient(url)
    await client.drop_database(name)
    client.close()


async def tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    await connection.close()
    return {row["tablename"] for row in rows}


async def test_each_file_is_applied_once_in_order(dsn: str, tmp_path: Path):
    (tmp_path / "0001_things.sql").write_text("CREATE TABLE things (id int)")
    (tmp_path / "0002_more.sql").write_text("ALTER TABLE things ADD COLUMN name text")
    assert await migrate_postgres(dsn, tmp_path) == [*PLUMBING_NAMES, "0001_things.sql", "0002_more.sql"]
    assert await migrate_postgres(dsn, tmp_path) == []
    (tmp_path / "0003_last.sql").write_text("CREATE TABLE last (id int)")
    assert await migrate_postgres(dsn, tmp_path) == ["0003_last.sql"]
    assert {"things", "last", "outbox", "inbox", "dead_letters", "idempotency_keys"} <= await tables(dsn)


async def test_two_at_once_apply_everything_once(dsn: str, tmp_path: Path):
    (tmp_path / "0001_things.sql").write_text("CREATE TABLE things (id int)")
    applied = await asyncio.gather(*(migrate_postgres(dsn, tmp_path) for _ in range(3)))
    assert sorted(applied, key=len) == [[], [], [*PLUMBING_NAMES, "0001_things.sql"]]


async def test_a_changed_file_is_refused_by_name(dsn: str, tmp_path: Path):
    path = tmp_path / "0001_things.sql"
    path.write_text("CREATE TABLE things (id int)")
    await migrate_postgres(dsn, tmp_path)
    path.write_text("CREATE TABLE things (id bigint)")
    (tmp_path / "0002_more.sql").write_text("CREATE TABLE more (id int)")
    with pytest.raises(MigrationError, match=r"0001_things\.sql was changed.*add a new migration"):
        await migrate_postgres(dsn, tmp_path)
    assert "more" not in await tables(dsn)


async def test_a_failure_leaves_nothing_behind(dsn: str, tmp_path: Path):
    (tmp_path / "0001_things.sql").write_text("CREATE TABLE things (id int)")
    (tmp_path / "0002_wrong.sql").write_text("CREATE TABLE more (id int); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate_postgres(dsn, tmp_path)
    assert await tables(dsn) == set()


async def test_mongo_applies_each_file_once_and_refuses_a_changed_one(mongo_place: tuple[str, str], tmp_path: Path):
    path = tmp_path / "0001_things.py"
    path.write_text("async def migrate(database):\n    await database.things.insert_one({'_id': 1})\n")
    assert await migrate_mongo(*mongo_place, tmp_path) == ["0001_things.py"]
    assert await migrate_mongo(*mongo_place, tmp_path) == []
    path.write_text("async def migrate(database):\n    pass\n")
    with pytest.raises(MigrationError, match=r"0001_things\.py was changed"):
        await migrate_mongo(*mongo_place, tmp_path)


async def test_mongo_runs_a_file_again_that_failed(mongo_place: tuple[str, str], tmp_path: Path):
    path = tmp_path / "0001_things.py"
    path.write_text("async def migrate(database):\n    raise RuntimeError('half way')\n")
    with pytest.raises(RuntimeError):
        await migrate_mongo(*mongo_place, tmp_path)
    path.write_text("async def migrate(database):\n    pass\n")
    assert await migrate_mongo(*mongo_place, tmp_path) == ["0001_things.py"]


async def test_a_service_without_a_store_says_which_variables_are_missing():
    with pytest.raises(MigrationError, match="neither PRICING_POSTGRES_DSN nor PRICING_MONGO_URL is set"):
        await migrate("pricing", {})
