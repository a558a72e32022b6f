"""Every consumer, running in this process on the real Kafka and its own store."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import analytics.consumer
import analytics.main
import analytics.settings
import gateway.main
import identity.consumer
import identity.main
import identity.settings
import loyalty.consumer
import loyalty.main
import loyalty.settings
import payments.consumer
import payments.main
import payments.settings
import pricing.consumer
import pricing.main
import pricing.settings
import stations.consumer
import stations.main
import stations.settings
from local_stack.config import Config
from local_stack.environment import service_environment
from local_stack.secrets import load_or_create
from schemas.base import Event
from servicekit import personal_data
from servicekit.migrations import migrate
from servicekit.mongo import MongoStore
from servicekit.postgres import PostgresStore
from servicekit.settings import ServiceSettings
from servicekit.store import DeadLetter
from servicekit.testkit import Issuer, eventually, running, settings_from


@dataclass(frozen=True)
class Service:
    """What it takes to run a consumer here."""

    create_app: Callable[[Any], FastAPI]
    settings: type[ServiceSettings]
    subscriptions: Mapping[Any, object]
    live: Mapping[type[Event], object] = field(default_factory=dict)
    """What each replica reads into its memory, without an inbox."""


PEOPLE = dict.fromkeys(personal_data.EVENTS)
"""What servicekit.personal_data handles for a service."""

SERVICES = {
    "analytics": Service(
        analytics.main.create_app, analytics.settings.Settings, PEOPLE, analytics.consumer.FACTS
    ),
    "identity": Service(identity.main.create_app, identity.settings.Settings, identity.consumer.SUBSCRIPTIONS),
    "loyalty": Service(
        loyalty.main.create_app, loyalty.settings.Settings, {**dict.fromkeys(loyalty.consumer.EVENTS), **PEOPLE}
    ),
    "payments": Service(
        payments.main.create_app, payments.settings.Settings, {**payments.consumer.SUBSCRIPTIONS, **PEOPLE}
    ),
    "pricing": Service(
        pricing.main.create_app, pricing.settings.Settings, {**pricing.consumer.SUBSCRIPTIONS, **PEOPLE}
    ),
    "stations": Service(
        stations.main.create_app, stations.settings.Settings, {**stations.consumer.SUBSCRIPTIONS, **PEOPLE},
        stations.consumer.LIVE,
    ),
}  # fmt: skip
"""Every service that consumes through servicekit.consumer."""


@dataclass(frozen=True)
class RunningConsumer:
    """A consumer at work."""

    name: str
    client: httpx.AsyncClient
    store: PostgresStore | MongoStore

    async def refusal(self, source: str, event_id: str) -> str | None:
        """Waits until the consumer is done with the record: None where it took it, else what it did not like."""

        async def outcome() -> str | None:
            if await self._in_inbox(source, event_id):
                return "taken"
            letters = await self.store.dead_letters("waiting", 100)
            return next((_error(letter) for letter in letters if letter.message.headers.get("ce_id") == event_id), None)

        found = await eventually(outcome)
        return None if found == "taken" else found

    async def _in_inbox(self, source: str, event_id: str) -> bool:
        group = f"{self.name}.main"
        if isinstance(self.store, MongoStore):
            return bool(await self.store.database.inbox.count_documents({"_id": f"{group}|{source}|{event_id}"}))
        async with self.store.connection() as connection:
            query = "SELECT count(*) FROM inbox WHERE (consumer, source, event_id) = ($1, $2, $3)"
            return await connection.fetchval(query, group, source, event_id) == 1


def _error(letter: DeadLetter) -> str:
    return f"{letter.consumer} refuses it: {letter.error}"


APPS: Mapping[str, Callable[[], FastAPI]] = {
    "analytics": analytics.main.create_app,
    "gateway": gateway.main.create_app,
    "identity": identity.main.create_app,
    "loyalty": loyalty.main.create_app,
    "payments": payments.main.create_app,
    "pricing": pricing.main.create_app,
    "stations": stations.main.create_app,
}


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FastAPI]:
    """Every app that answers HTTP for Forecourt, by name; none is started, so no server is needed."""
    config = Config(tmp_path_factory.mktemp("platform"), 18_080)
    load_or_create(config)
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, create in APPS.items():
            for key, value in service_environment(config, name).items():
                patch.setenv(key, value)
            made[name] = create()
    return made


@pytest.fixture(scope="module")
async def consumers(infrastructure: Config, issuer: Issuer) -> AsyncIterator[dict[str, RunningConsumer]]:
    """All consumers by name."""
    async with AsyncExitStack() as stack:
        started = {}
        for name, service in SERVICES.items():
            environment = service_environment(infrastructure, name)
            await migrate(name, environment)
            settings = settings_from(service.settings, environment, issuer=issuer.url, jwks_url=issuer.jwks_url)
            app = service.create_app(settings)
            client = await stack.enter_async_context(running(app))
            process = getattr(app.state, name, app.state)  # some services keep all they work with in one place
            started[name] = RunningConsumer(name, client, process.store)
        yield started
