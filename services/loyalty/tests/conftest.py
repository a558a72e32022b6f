"""A loyalty service on the real Postgres and Kafka, in this process; one runs for all tests that suit it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from local_stack.config import Config
from local_stack.environment import service_environment
from loyalty.main import create_app
from loyalty.settings import Settings
from loyalty.use_cases.context import Loyalty as Process
from servicekit.migrations import migrate
from servicekit.postgres import PostgresStore
from servicekit.testkit import Issuer, KafkaProbe, SharedService, settings_from
from servicekit.testkit_services import OPERATOR as OPERATOR
from servicekit.testkit_services import ServiceUnderTest, empty_tables
from servicekit.testkit_services import any_message as any_message

KEPT_TABLES = ["schema_migrations"]
"""What migrations put there: tests leave it."""
APPEND_ONLY = ["transfers", "postings"]
"""They refuse to be emptied."""


@dataclass
class Loyalty(ServiceUnderTest):
    """The running service and what a test needs to talk to it."""

    process: Process
    settings: Settings


@pytest.fixture(scope="session")
async def environment(infrastructure: Config) -> dict[str, str]:
    """The service's environment, its schema up to date."""
    environment = service_environment(infrastructure, "loyalty")
    await migrate("loyalty", environment)
    return environment


@pytest.fixture(scope="session")
def common_settings(environment: dict[str, str], issuer: Issuer) -> Settings:
    """The settings of the one service that most tests share."""
    return settings_from(Settings, environment, issuer=issuer.url, jwks_url=issuer.jwks_url)


@pytest.fixture(scope="session")
async def shared_service(common_settings: Settings) -> AsyncIterator[SharedService]:
    shared = SharedService(lambda: create_app(common_settings))
    yield shared
    await shared.stop()


@pytest.fixture
async def settings(
    common_settings: Settings, shared_service: SharedService, request: pytest.FixtureRequest
) -> Settings:
    """The settings of a service with empty tables; none runs where the test does not ask for it."""
    if "loyalty" not in request.fixturenames:
        await shared_service.stop()
    async with PostgresStore.connect(common_settings) as store, store.connection() as connection:
        await empty_tables(connection, KEPT_TABLES, APPEND_ONLY)
    return common_settings


@pytest.fixture
async def loyalty(
    settings: Settings, issuer: Issuer, kafka: KafkaProbe, shared_service: SharedService
) -> AsyncIterator[Loyalty]:
    """The running service, which knows nobody yet; what a test puts into the place of its parts is gone after it."""
    app, client = await shared_service.serve()
    process: Process = app.state.loyalty
    await process.campaigns.read()  # those of the test before are gone from the table, not yet from its memory
    as_made = dict(vars(process))
    yield Loyalty(client, process, issuer, settings, kafka)
    vars(process).update(as_made)
