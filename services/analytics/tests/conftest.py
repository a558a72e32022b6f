"""An analytics service on the real MongoDB and Kafka, in this process; one runs for all tests that suit it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from analytics.main import create_app
from analytics.settings import Settings
from analytics.use_cases.context import Analytics as Process
from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.ids import new_id
from servicekit.migrations import migrate
from servicekit.mongo import MongoStore
from servicekit.testkit import Issuer, KafkaProbe, SharedService, settings_from


@dataclass
class Analytics:
    """The running service, what a test needs to talk to it, and an operator of the test's own: tests share the views,
    and each looks at its own stations only."""

    client: httpx.AsyncClient
    process: Process
    issuer: Issuer
    settings: Settings
    kafka: KafkaProbe
    operator: str

    @property
    def store(self) -> MongoStore:
        """The service's store."""
        return self.process.store

    def driver(self, driver_id: UUID | str | None = None, **claims: Any) -> dict[str, str]:
        """The Authorization header of a driver who signed in just now."""
        now = int(datetime.now(UTC).timestamp())
        standard = {"sub": str(driver_id or new_id()), "roles": ["driver"], "auth_time": now}
        return self.issuer.bearer("account", "driver", "pay", **standard | claims)

    def manager(self, **claims: Any) -> dict[str, str]:
        """The header of a manager of the test's operator."""
        now = int(datetime.now(UTC).timestamp())
        operators = claims.pop("operators", [self.operator])
        grants = [{"role": "manager", "operators": operators, "stations": []}]
        standard = {
            "sub": str(new_id()), "roles": ["manager"], "operators": operators, "grants": grants, "auth_time": now
        }  # fmt: skip
        return self.issuer.bearer("reports:read", "reports:schedule", **standard | claims)


@pytest.fixture(scope="session")
async def environment(infrastructure: Config) -> dict[str, str]:
    """The service's environment, its schema up to date."""
    environment = service_environment(infrastructure, "analytics")
    await migrate("analytics", environment)
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
    """The service's settings; none runs where the test does not ask for it."""
    if "analytics" not in request.fixturenames:
        await shared_service.stop()
    return common_settings


@pytest.fixture
async def analytics(settings: Settings, issuer: Issuer, kafka: KafkaProbe, shared_service: SharedService) -> Analytics:
    app, client = await shared_service.serve()
    return Analytics(client, app.state.analytics, issuer, settings, kafka, f"operator-{new_id()}")
