"""A stations service that runs in this process, on the real MongoDB and Kafka."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from local_stack.config import Config
from local_stack.environment import service_environment
from schemas.base import Event
from schemas.events import PriceChangedV1
from servicekit.consumer import Received
from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.migrations import migrate
from servicekit.mongo import MongoStore
from servicekit.testkit import Issuer, KafkaProbe, SharedService, eventually, settings_from
from stations.domain.index.grades import milliseconds
from stations.main import create_app
from stations.repository.stations import StationRepository
from stations.settings import Settings
from stations.use_cases import stations as use_cases
from stations.use_cases.indexing import Indexer

TEN = datetime(2026, 4, 30, 10, tzinfo=UTC)


@dataclass
class Stations:
    """The running service, what a test needs to talk to it, and an operator of the test's own."""

    client: httpx.AsyncClient
    store: MongoStore
    issuer: Issuer
    settings: Settings
    kafka: KafkaProbe
    operator: str
    indexer: Indexer

    def bearer(self, *scopes: str, **claims: Any) -> dict[str, str]:
        """A token bound to the test's operator."""
        return self.issuer.bearer(*scopes, **({"operators": [self.operator]} | claims))

    async def send(self, *rows: object) -> httpx.Response:
        """An import of these rows."""
        body = {"operator": self.operator, "stations": list(rows)}
        return await self.client.post("/v1/station-imports", json=body, headers=self.bearer("stations:write"))

    async def register(self, **fields: Any) -> UUID:
        """Makes a station known; returns its id."""
        response = await self.send(row(**fields))
        assert response.json()["counts"]["created"] == 1, response.text
        return UUID(response.json()["results"][0]["station_id"])

    async def price(
        self, station_id: UUID, fuel: str, price_mills: int | None, version: int = 1, **fields: Any
    ) -> None:
        """Brings one price into the read model and the index, as if its event had come."""
        received = [Received(price_changed(station_id, fuel, price_mills, version, **fields), any_message())]
        repository = StationRepository(self.store)
        await self.store.transact(lambda tx: use_cases.record_prices(repository, tx, received))
        self.indexer.take_price(received[0].event, milliseconds(received[0].message.published_at))

    async def events(self, topic: str, *station_ids: UUID) -> list[Event]:
        """The stations' events on a topic, once the outbox is empty."""
        await eventually(self.outbox_is_empty)
        keys = {str(station_id).encode() for station_id in station_ids}
        return events_of([message for message in await self.kafka.read(topic) if message.key in keys])

    async def outbox_is_empty(self) -> bool:
        """Whether the relay has published all there is."""
        return await self.store.database.outbox.count_documents({}) == 0


def row(**fields: Any) -> dict[str, Any]:
    """A good row of an import, for a station in Berlin with an id of its own."""
    standard = {
        "external_id": str(new_id()), "name": "Shell Alex", "brand": "Shell",
        "address": {"street": "Karl-Marx-Allee", "house_number": "1", "post_code": "10178", "city": "Berlin"},
        "country": "DE", "time_zone": "Europe/Berlin", "currency": "EUR", "lat": 52.52, "lon": 13.41, "fuels": None,
        "opening_hours": None, "holiday_region": None,
    }  # fmt: skip
    return standard | fields


def price_changed(
    station_id: UUID, fuel: str, price_mills: int | None, version: int = 1, **fields: Any
) -> PriceChangedV1:
    """A price that holds since ten o'clock."""
    standard = {
        "station_id": station_id, "fuel": fuel, "version": version, "price_mills": price_mills,
        "previous_price_mills": None, "currency": "EUR", "report_id": "r", "effective_at": TEN,
        "submitted_at": TEN + timedelta(seconds=1), "received_at": TEN + timedelta(seconds=2),
    }  # fmt: skip
    return PriceChangedV1.model_validate(standard | fields)


def any_message(value: bytes | None = None) -> Message:
    """A message whose place does not matter, published at three seconds past ten."""
    return Message("pricing.prices", 0, 0, None, value, {}, TEN + timedelta(seconds=3))


def events_of(messages: Sequence[Message]) -> list[Event]:
    """The messages' events."""
    return [event for message in messages if (event := message.event())]


@pytest.fixture(scope="session")
async def environment(infrastructure: Config) -> dict[str, str]:
    """The service's environment, its schema up to date."""
    environment = service_environment(infrastructure, "stations")
    await migrate("stations", environment)
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
    if "stations" not in request.fixturenames:
        await shared_service.stop()
    return common_settings


@pytest.fixture
async def stations(settings: Settings, issuer: Issuer, kafka: KafkaProbe, shared_service: SharedService) -> Stations:
    app, client = await shared_service.serve()
    return Stations(client, app.state.store, issuer, settings, kafka, f"operator-{new_id()}", app.state.indexer)


@pytest.fixture
async def searched(stations: Stations) -> Stations:
    """The service once its index is loaded."""
    await eventually(stations.indexer.is_loaded)
    return stations
