"""The only wiring of the pricing service."""

from fastapi import FastAPI

from pricing.api import history, prices, reports
from pricing.consumer import SUBSCRIPTIONS
from pricing.repository.reports import note_published
from pricing.settings import Settings
from servicekit.app import Kit, build_app
from servicekit.consumer import Consumer
from servicekit.outbox import Relay
from servicekit.postgres import PostgresStore


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; settings come from the environment unless a test gives them."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: PostgresStore.connect(chosen, note_published))
        kit.app.state.store = store
        kit.ready_when("postgres", store.check)
        kit.run_relay(Relay(chosen, store))
        kit.run_consumer(Consumer(chosen, store, SUBSCRIPTIONS, kit.app.state.verifier))

    return build_app(
        chosen, title="Pricing", description="Price reports, current prices and their history.",
        start=start, routers=[reports.router, prices.router, history.router],
    )  # fmt: skip
