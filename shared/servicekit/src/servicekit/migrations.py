"""Migrations: numbered files applied once, in order; a file that was applied must never change again.

`python -m servicekit.migrations SERVICE` applies what is missing, with the service's own settings and database role.
SQL files run each in one transaction with their record; Python files (MongoDB) define `async def migrate(database)`
and must be repeatable, since MongoDB builds indexes outside transactions.
"""

import asyncio
import hashlib
import importlib.util
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from servicekit.mongo import CODEC, create_plumbing_indexes

PLUMBING = Path(__file__).parent / "migrations_postgres"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.migrations', 0))"
CREATE_LEDGER = """CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"""


class MigrationError(RuntimeError):
    """A migration cannot be applied; the message says which and why."""


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _missing(files: list[Path], applied: dict[str, str]) -> list[Path]:
    """The files not applied yet. Raises MigrationError where an applied file was changed since."""
    for path in files:
        if applied.get(path.name, _digest(path)) != _digest(path):
            raise MigrationError(f"{path.name} was changed after it was applied; add a new migration instead")
    return [path for path in files if path.name not in applied]


async def migrate_postgres(dsn: str, folder: Path) -> list[str]:
    """Applies the plumbing's and the service's SQL files; returns the names of those that were new."""
    files = [*_files(PLUMBING, "*.sql"), *_files(folder, "*.sql")]
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute(LOCK)
            await connection.execute(CREATE_LEDGER)
            applied = {r["name"]: r["sha256"] for r in await connection.fetch("SELECT * FROM schema_migrations")}
            missing = _missing(files, applied)
            for path in missing:
                await connection.execute(path.read_text(encoding="utf-8"))
                await connection.execute(
                    "INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", path.name, _digest(path)
                )
        return [path.name for path in missing]
    finally:
        await connection.close()


async def migrate_mongo(url: str, database_name: str, folder: Path) -> list[str]:
    """Applies the service's Python files to its MongoDB; returns the names of those that were new."""
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(url, serverSelectionTimeoutMS=10_000)
    try:
        database = client.get_database(database_name, codec_options=CODEC)
        await create_plumbing_indexes(database)
        applied = {d["_id"]: d["sha256"] async for d in database.schema_migrations.find()}
        missing = _missing(_files(folder, "[0-9]*.py"), applied)
        for path in missing:
            await _run_python(path, database)
            record = {"_id": path.name, "sha256": _digest(path), "applied_at": datetime.now(UTC)}
            await database.schema_migrations.insert_one(record)
        return [path.name for path in missing]
    finally:
        client.close()


async def _run_python(path: Path, database: AsyncIOMotorDatabase[Any]) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise MigrationError(f"{path.name} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    await module.migrate(database)


def folder_of(service: str) -> Path:
    """The migrations folder of an installed service: `migrations/` beside its `src/`."""
    package = importlib.util.find_spec(service)
    if package is None or package.origin is None:
        raise MigrationError(f"there is no service named {service}")
    return Path(package.origin).parents[2] / "migrations"


async def migrate(service: str, environment: dict[str, str]) -> list[str]:
    """Brings the service's store up to date, from its environment variables."""
    prefix = service.upper()
    if dsn := environment.get(f"{prefix}_POSTGRES_DSN"):
        return await migrate_postgres(dsn, folder_of(service))
    if url := environment.get(f"{prefix}_MONGO_URL"):
        return await migrate_mongo(url, environment[f"{prefix}_MONGO_DATABASE"], folder_of(service))
    raise MigrationError(f"neither {prefix}_POSTGRES_DSN nor {prefix}_MONGO_URL is set")


if __name__ == "__main__":
    try:
        names = asyncio.run(migrate(sys.argv[1], dict(os.environ)))
    except (MigrationError, asyncpg.PostgresError, OSError) as problem:
        sys.exit(f"migration failed: {problem}")
    sys.stdout.write("".join(f"applied {name}\n" for name in names))
