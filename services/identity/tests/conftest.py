"""An identity service on the real Postgres, in this process, behind a real socket where a verifier asks it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from identity.domain.clients import ClientSpec
from identity.main import create_app
from identity.settings import Settings
from identity.use_cases import clients
from identity.use_cases.context import Identity as Process
from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.auth import Verifier
from servicekit.migrations import migrate
from servicekit.postgres import PostgresStore
from servicekit.testkit import eventually, settings_from
from simulators.main import create_app as create_simulators
from simulators.settings import Settings as SimulatorSettings

KEPT_TABLES = ["schema_migrations", "apps", "audit_log", "audit_head"]
"""What migrations put there: tests leave it. The audit log refuses to be emptied."""
EMPTY_AUDIT_LOG = """
    ALTER TABLE audit_log DISABLE TRIGGER append_only;
    TRUNCATE audit_log;
    ALTER TABLE audit_log ENABLE ALWAYS TRIGGER append_only;
    UPDATE audit_head SET sequence = 0, hash = '', anchor = ''"""
SPEC = ClientSpec("pos", ("prices:write", "pumps:write"), operators=("Aral",))


@dataclass
class Identity:
    """The running service and what a test needs to talk to it."""

    client: httpx.AsyncClient
    process: Process
    settings: Settings

    @property
    def store(self) -> PostgresStore:
        """The service's store."""
        return self.process.store

    async def new_client(self, spec: ClientSpec = SPEC) -> clients.NewSecret:
        """A client with this specification."""
        return await clients.create_client(self.process, spec, replace_existing=False, overlap=timedelta(hours=1))

    async def token_response(self, created: clients.NewSecret, **fields: str) -> httpx.Response:
        """The answer to the client's request for a token."""
        form = {"grant_type": "client_credentials"} | fields
        return await self.client.post("/v1/oauth/token", data=form, auth=(str(created.client.id), created.secret))

    async def token(self, created: clients.NewSecret) -> str:
        """An access token of the client."""
        response = await self.token_response(created)
        assert response.status_code == 200, response.text
        return response.json()["access_token"]

    def verifier(self) -> Verifier:
        """The check that every service makes, with an empty cache."""
        return Verifier(self.settings)

    async def sql(self, statement: str, *arguments: Any) -> Any:
        """The first value that a statement returns."""
        async with self.store.connection() as connection:
            return await connection.fetchval(statement, *arguments)

    async def age_keys(self, age: timedelta) -> None:
        """Lets the keys be older than they are: as good as waiting."""
        await self.sql(
            """UPDATE signing_keys SET published_at = published_at - $1::interval, activated_at = activated_at - $1,
                                       retired_at = retired_at - $1""",
            age,
        )


@asynccontextmanager
async def listening(app: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """Serves the app on a socket, as in production."""
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))

    async def started() -> bool:
        return server.started or task.done()

    try:
        await eventually(started)
        yield
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="session")
async def environment(infrastructure: Config) -> dict[str, str]:
    """The service's environment, its schema up to date."""
    environment = service_environment(infrastructure, "identity")
    await migrate("identity", environment)
    return environment


@pytest.fixture(scope="session")
async def simulators(infrastructure: Config) -> AsyncIterator[httpx.AsyncClient]:
    """The simulated platforms where the service's environment says that they are, and a client for their controls."""
    settings = settings_from(SimulatorSettings, service_environment(infrastructure, "simulators"))
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        url = f"http://{settings.host}:{settings.port}"
        async with listening(create_simulators(settings), listener), httpx.AsyncClient(base_url=url) as client:
            yield client


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A free port, held until the test ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener


@pytest.fixture
async def settings(environment: dict[str, str], listener: socket.socket) -> Settings:
    """The settings of a service with empty tables."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings_from(Settings, environment, issuer=url, jwks_url=f"{url}/.well-known/jwks.json")
    async with PostgresStore.connect(settings) as store, store.connection() as connection:
        tables = await connection.fetchval(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
            "WHERE schemaname = current_schema() AND NOT tablename = ANY($1)", KEPT_TABLES,
        )  # fmt: skip
        await connection.execute(f"TRUNCATE {tables} CASCADE")
        await connection.execute(EMPTY_AUDIT_LOG)
    return settings


@pytest.fixture
async def identity(settings: Settings, listener: socket.socket) -> AsyncIterator[Identity]:
    """The running service."""
    app = create_app(settings)
    async with listening(app, listener), httpx.AsyncClient(base_url=settings.issuer) as client:
        yield Identity(client, app.state.identity, settings)
