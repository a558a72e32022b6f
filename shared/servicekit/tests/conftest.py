"""Tiny services on the real servers: each test has its own schema or database, and a consumer group of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import pytest

from local_stack.config import Config
from local_stack.environment import kafka_credentials, service_environment
from local_stack.postgres import DATABASE
from local_stack.secrets import load
from schemas.base import Event
from schemas.events import PumpStatusChangedV1
from schemas.vocabulary import PumpStatus
from servicekit.envelope import Headers, Message, to_records
from servicekit.ids import new_id
from servicekit.migrations import migrate_mongo, migrate_postgres
from servicekit.mongo import MongoStore
from servicekit.postgres import PostgresStore, append_to_outbox
from servicekit.settings import MongoSettings, PostgresSettings, ServiceSettings
from servicekit.testkit import Issuer, KafkaProbe, running_issuer

TOPIC = "stations.pumps"
"""Carries PumpStatusChanged, which no service consumes."""


def pump_event(station_id: UUID, version: int = 1) -> PumpStatusChangedV1:
    """An event whose key is the station."""
    return PumpStatusChangedV1(
        station_id=station_id, pump_id="1", version=version, status=PumpStatus.FREE, fuels=[],
        occurred_at=datetime.now(UTC),
    )  # fmt: skip


def headers(event: Event, event_id: UUID | None = None, **more: str) -> Headers:
    """What the relay would send with it."""
    named = {"ce_id": str(event_id or new_id()), "ce_source": "urn:test", "ce_type": event.type()} | more
    return [(name, value.encode()) for name, value in named.items()]


class Backend(Protocol):
    """One kind of store, and what a tiny service does with it."""

    settings: Any

    def connect(self) -> AbstractAsyncContextManager[Any]:
        """Another connection of the service: a second replica, or the service after a restart."""
        ...

    async def append(self, store: Any, *events: Event) -> None:
        """A transaction that publishes events."""
        ...

    async def note(self, store: Any, tx: Any, *texts: str) -> None:
        """An effect inside a transaction."""
        ...

    async def notes(self, store: Any) -> list[str]:
        """All effects, in order."""
        ...

    async def outbox_size(self, store: Any) -> int:
        """How many events wait for the relay."""
        ...


class PostgresBackend:
    """A schema of its own."""

    def __init__(self, settings: PostgresSettings) -> None:
        self.settings = settings

    def connect(self) -> AbstractAsyncContextManager[PostgresStore]:
        return PostgresStore.connect(self.settings)

    async def append(self, store: PostgresStore, *events: Event) -> None:
        await store.transact(lambda tx: append_to_outbox(tx, to_records(list(events))))

    async def note(self, store: PostgresStore, tx: Any, *texts: str) -> None:
        await tx.execute("INSERT INTO notes (note) SELECT * FROM unnest($1::text[])", list(texts))

    async def notes(self, store: PostgresStore) -> list[str]:
        async with store.connection() as connection:
            return [row["note"] for row in await connection.fetch("SELECT note FROM notes ORDER BY position")]

    async def outbox_size(self, store: PostgresStore) -> int:
        async with store.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM outbox") or 0


class MongoBackend:
    """A database of its own."""

    def __init__(self, settings: MongoSettings) -> None:
        self.settings = settings

    def connect(self) -> AbstractAsyncContextManager[MongoStore]:
        return MongoStore.connect(self.settings)

    async def append(self, store: MongoStore, *events: Event) -> None:
        await store.transact(lambda tx: store.append_to_outbox(tx, to_records(list(events))))

    async def note(self, store: MongoStore, tx: Any, *texts: str) -> None:
        await store.database.notes.insert_many([{"_id": new_id(), "note": text} for text in texts], session=tx)

    async def notes(self, store: MongoStore) -> list[str]:
        return [document["note"] async for document in store.database.notes.find().sort("_id", 1)]

    async def outbox_size(self, store: MongoStore) -> int:
        return await store.database.outbox.count_documents({})


def service_settings(config: Config, **fields: Any) -> dict[str, Any]:
    """Settings of a service that may touch every topic, under a name of its own."""
    credentials = kafka_credentials(config, "admin")
    standard = {
        "service": f"kit-{new_id()}", "issuer": "http://issuer.test", "jwks_url": "http://127.0.0.1:9/jwks.json",
        "kafka_bootstrap": credentials["bootstrap_servers"], "kafka_username": credentials["sasl_plain_username"],
        "kafka_password": credentials["sasl_plain_password"],
    }  # fmt: skip
    return standard | fields


@asynccontextmanager
async def administrator(config: Config) -> AsyncIterator[asyncpg.Connection]:
    """Postgres as its superuser."""
    connection = await asyncpg.connect(
        host="127.0.0.1", port=config.postgres_port, user="postgres", database=DATABASE,
        password=load(config)["postgres.postgres"],
    )  # fmt: skip
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def empty_schema(config: Config) -> AsyncIterator[str]:
    """The DSN of a role that finds itself in an empty schema."""
    name = f"kit_{new_id().hex}"
    async with administrator(config) as admin:
        await admin.execute(f"CREATE SCHEMA {name} AUTHORIZATION pricing")
    yield f"{service_environment(config, 'pricing')['PRICING_POSTGRES_DSN']}?search_path={name}"
    async with administrator(config) as admin:
        await admin.execute(f"DROP SCHEMA {name} CASCADE")


@asynccontextmanager
async def postgres_backend(config: Config, empty: Path) -> AsyncIterator[PostgresBackend]:
    """A schema with the plumbing and a table of effects."""
    async with empty_schema(config) as dsn:
        await migrate_postgres(dsn, empty)
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE notes (position bigint GENERATED ALWAYS AS IDENTITY, note text)")
        await connection.close()
        yield PostgresBackend(PostgresSettings(**service_settings(config, postgres_dsn=dsn)))


@asynccontextmanager
async def mongo_backend(config: Config, empty: Path) -> AsyncIterator[MongoBackend]:
    """A database with the plumbing's indexes."""
    name = f"kit_{new_id().hex}"
    url = f"mongodb://root:{load(config)['mongo.root']}@127.0.0.1:{config.mongo_port}/?replicaSet=rs0"
    await migrate_mongo(url, name, empty)
    settings = MongoSettings(**service_settings(config, mongo_url=url, mongo_database=name))
    async with MongoStore.connect(settings) as store:
        for collection in ("notes", "outbox", "inbox", "leases"):
            await store.database.create_collection(collection)
        yield MongoBackend(settings)
        await store.database.client.drop_database(name)


@pytest.fixture
async def postgres(infrastructure: Config, tmp_path: Path) -> AsyncIterator[PostgresBackend]:
    async with postgres_backend(infrastructure, tmp_path) as backend:
        yield backend


@pytest.fixture
async def mongo(infrastructure: Config, tmp_path: Path) -> AsyncIterator[MongoBackend]:
    async with mongo_backend(infrastructure, tmp_path) as backend:
        yield backend


@pytest.fixture(params=["postgres", "mongo"])
async def backend(
    request: pytest.FixtureRequest, infrastructure: Config, tmp_path: Path
) -> AsyncIterator[PostgresBackend | MongoBackend]:
    """The same test on each kind of store."""
    make = postgres_backend if request.param == "postgres" else mongo_backend
    async with make(infrastructure, tmp_path) as backend:
        yield backend


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def settings() -> ServiceSettings:
    """Settings of a service without servers."""
    return ServiceSettings(
        service="kit", kafka_bootstrap="127.0.0.1:9", kafka_username="kit", kafka_password="kafka-secret",  # pyright: ignore[reportArgumentType] - pydantic hides it
        issuer="http://issuer.test", jwks_url="http://127.0.0.1:9/jwks.json",
    )  # fmt: skip


async def end(task: "asyncio.Task[None]") -> None:
    """Cancels a relay or a consumer; AssertionError where it does not end."""
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=20)
    assert done, f"{task} swallowed its cancellation"


async def of_station(kafka: KafkaProbe, *station_ids: UUID) -> list[Message]:
    """The stations' records on the tests' topic, in order of time."""
    keys = {str(station_id).encode() for station_id in station_ids}
    return [message for message in await kafka.read(TOPIC) if message.key in keys]


def versions(messages: Sequence[Message], station_id: UUID) -> list[int]:
    """The versions of a station's events, in order."""
    events = [message.event() for message in messages if message.key == str(station_id).encode()]
    return [event.version for event in events if isinstance(event, PumpStatusChangedV1)]
