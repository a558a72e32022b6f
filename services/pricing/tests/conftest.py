"""A pricing service that runs in this process, on the real Postgres and Kafka."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from local_stack.config import Config
from local_stack.environment import service_environment
from pricing.main import create_app
from pricing.settings import Settings
from pricing.use_cases.stations import record_stations
from schemas.base import Event
from schemas.events import StationRegisteredV1
from servicekit.consumer import Received
from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.migrations import migrate
from servicekit.postgres import PostgresStore
from servicekit.testkit import Issuer, KafkaProbe, SharedService, eventually, settings_from

OPERATOR = "test-operator"


@dataclass
class Pricing:
    """The running service and what a test needs to talk to it."""

    client: httpx.AsyncClient
    store: PostgresStore
    issuer: Issuer
    settings: Settings
    kafka: KafkaProbe

    async def report(self, *items: dict[str, Any], **claims: Any) -> httpx.Response:
        """Sends reports as the operator of the tests' stations."""
        headers = self.issuer.bearer("prices:write", **({"operators": [OPERATOR]} | claims))
        return await self.client.post("/v1/price-reports", json={"reports": list(items)}, headers=headers)

    async def register(self, **fields: Any) -> UUID:
        """Makes a station known, as if its event had come."""
        station_id = fields.pop("station_id", None) or new_id()
        event = station_event(station_id, **fields)
        await self.store.transact(lambda tx: record_stations(tx, [Received(event, any_message())]))
        return station_id

    async def published(self, topic: str, station_id: UUID, count: int) -> list[Message]:
        """The station's records on a topic, once there are at least `count`."""

        async def found() -> list[Message] | None:
            messages = [m for m in await self.kafka.read(topic) if m.key == str(station_id).encode()]
            return messages if len(messages) >= count else None

        return await eventually(found) or []

    async def make_due(self, *change_ids: str, late_seconds: float = 0) -> None:
        """Lets the time of planned price changes come now, or so long ago: a test on a busy machine keeps no times."""
        async with self.store.connection() as connection:
            await connection.execute(
                """UPDATE price_changes SET (due_at, effective_at) = (moment, moment)
                   FROM (SELECT now() - make_interval(secs => $2) AS moment) AS m WHERE change_id = ANY($1)""",
                change_ids, late_seconds,
            )  # fmt: skip

    async def outbox_is_empty(self) -> bool:
        """Whether the relay has published all there is."""
        async with self.store.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM outbox") == 0


def station_event(station_id: UUID, **fields: Any) -> StationRegisteredV1:
    """A station that sells all grades for euros."""
    standard = {
        "station_id": station_id, "version": 1, "operator": OPERATOR, "external_id": str(station_id), "name": "Test",
        "country": "DE", "time_zone": "Europe/Berlin", "currency": "EUR", "lat": 52.5, "lon": 13.4,
        "occurred_at": datetime.now(UTC),
    }  # fmt: skip
    return StationRegisteredV1(**(standard | fields))


def any_message() -> Message:
    """A message whose place does not matter."""
    return Message("stations.stations", 0, 0, None, None, {}, datetime.now(UTC))


def item(station_id: UUID, price_mills: int | None, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """One report for E5 at a minute past ten."""
    standard = {
        "report_id": str(new_id()), "station_id": str(station_id), "fuel": "e5", "price_mills": price_mills,
        "currency": "EUR", "effective_at": f"2026-04-30T10:{minute:02}:00Z",
    }  # fmt: skip
    return standard | fields


def verdicts(response: httpx.Response) -> Sequence[str]:
    """The outcomes, with the reason where there is one."""
    assert response.status_code == 200, response.text
    return [v["reason"] or v["verdict"] for v in response.json()["verdicts"]]


def events_of(messages: Sequence[Message]) -> list[Event]:
    """The messages' events."""
    return [event for message in messages if (event := message.event())]


@pytest.fixture(scope="session")
async def environment(infrastructure: Config) -> dict[str, str]:
    """The service's environment, its schema up to date."""
    environment = service_environment(infrastructure, "pricing")
    await migrate("pricing", environment)
    return environment


@pytest.fixture(scope="session")
def common_settings(environment: dict[str, str], issuer: Issuer) -> Settings:
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
    if "pricing" not in request.fixturenames:
        await shared_service.stop()
    return common_settings


@pytest.fixture
async def pricing(settings: Settings, issuer: Issuer, kafka: KafkaProbe, shared_service: SharedService) -> Pricing:
    app, client = await shared_service.serve()
    return Pricing(client, app.state.store, issuer, settings, kafka)
