"""The only wiring of the stations service."""

from functools import partial

from fastapi import FastAPI

from servicekit.app import Kit, build_app
from servicekit.consumer import Consumer
from servicekit.mongo import MongoStore
from servicekit.outbox import Relay
from stations.api import navigation, pumps, search, stations
from stations.consumer import SUBSCRIPTIONS
from stations.repository.stations import StationRepository
from stations.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; settings come from the environment unless a test gives them."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: MongoStore.connect(chosen))
        kit.app.state.store = store
        kit.ready_when("mongo", store.check)
        kit.run_relay(Relay(chosen, store))
        handlers = {event: partial(handler, StationRepository(store)) for event, handler in SUBSCRIPTIONS.items()}
        kit.run_consumer(Consumer(chosen, store, handlers, kit.app.state.verifier))

    return build_app(
        chosen, title="Stations", description="Station profiles, pumps, and searches with current prices.",
        start=start, routers=[search.router, stations.router, pumps.router, navigation.router],
    )  # fmt: skip
