"""An identity service on the real Postgres, in this process, behind a real socket where a verifier asks it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from identity.domain.clients import ClientSpec
from identity.domain.wrong_secrets import WrongSecretLimit
from identity.main import create_app
from identity.settings import Settings
from identity.use_cases import clients
from identity.use_cases.context import Identity as Process
from identity.use_cases.keys import advance_keys
from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.auth import Jwks, Verifier
from servicekit.migrations import migrate
from servicekit.postgres import Connection, PostgresStore
from servicekit.testkit import eventually, settings_from
from servicekit.testkit_services import tables_with_rows
from simulators.main import create_app as create_simulators
from simulators.settings import Settings as SimulatorSettings

from .platform_kit import Platforms

KEPT_TABLES = ["schema_migrations", "apps", "audit_log", "audit_head"]
"""What migrations put there: tests leave it. The audit log refuses to be emptied."""
IS_AUDITED = """
    SELECT EXISTS (SELECT FROM audit_log)
        OR EXISTS (SELECT FROM audit_head WHERE (sequence, hash, anchor) <> (0, '', ''))"""
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
async def at(simulators: httpx.AsyncClient) -> AsyncIterator[Platforms]:
    """The platforms, in a good mood before and after."""
    at = Platforms(simulators)
    yield at
    for platform in ("wechat", "alipay"):
        await at.mood(platform)


@pytest.fixture(scope="session")
def common_settings(environment: dict[str, str]) -> Settings:
    """The settings of the one service that most tests share."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    return settings_from(Settings, environment, issuer=url, jwks_url=f"{url}/.well-known/jwks.json")


@contextmanager
def _listener(url: str) -> Iterator[socket.socket]:
    """A socket at the address."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(url.rpartition(":")[2])))
        yield listener


class Running:
    """The service that runs now. To start one takes longer than most tests, so it goes on where it suits the next."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._as_made: dict[str, Any] = {}
        """The parts of its Identity: tests put others into their place."""
        self._parts = AsyncExitStack()
        self.app: FastAPI

    async def serve(self, settings: Settings) -> Process:
        """The service with just these settings."""
        if self._settings is not settings:
            await self.stop()
            self.app = create_app(settings)
            listener = self._parts.enter_context(_listener(settings.issuer))
            await self._parts.enter_async_context(listening(self.app, listener))
            self._settings, self._as_made = settings, dict(vars(self.app.state.identity))
        vars(self.app.state.identity).update(self._as_made)
        self.app.state.verifier._jwks = Jwks(settings.jwks_url)  # it has the keys of the test before
        return self.app.state.identity

    async def stop(self) -> None:
        """Whatever runs, its own tasks too, ends."""
        self._settings = None
        await self._parts.aclose()


@pytest.fixture(scope="session")
async def running_service() -> AsyncIterator[Running]:
    """What runs, until all tests have ended."""
    running = Running()
    yield running
    await running.stop()


@pytest.fixture
async def settings(common_settings: Settings, running_service: Running, request: pytest.FixtureRequest) -> Settings:
    """The settings of a service with empty tables; none runs where the test does not ask for it."""
    if "identity" not in request.fixturenames:
        await running_service.stop()
    async with PostgresStore.connect(common_settings) as store, store.connection() as connection:
        await _empty(connection)
    return common_settings


@pytest.fixture
async def identity(settings: Settings, running_service: Running) -> AsyncIterator[Identity]:
    """The running service, which knows nobody yet."""
    process = await running_service.serve(settings)
    process.wrong_secrets = WrongSecretLimit(settings.wrong_secrets_per_minute)
    await advance_keys(process)
    async with httpx.AsyncClient(base_url=settings.issuer) as client:
        yield Identity(client, process, settings)


async def _empty(connection: Connection) -> None:
    """Forgets everybody. The running service's own tasks may hold a table for a moment: then it is tried again."""
    while True:
        try:
            if tables := await tables_with_rows(connection, KEPT_TABLES):
                await connection.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            if await connection.fetchval(IS_AUDITED):
                await connection.execute(EMPTY_AUDIT_LOG)
            return
        except asyncpg.DeadlockDetectedError:
            continue
