"""A whole service in one file: a request publishes an event, which the service itself consumes."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request
from pydantic_settings import SettingsConfigDict

from schemas.events import PumpStatusChangedV1
from schemas.vocabulary import PumpStatus
from servicekit.app import Kit, build_app
from servicekit.consumer import Consumer, Received
from servicekit.envelope import to_records
from servicekit.outbox import Relay
from servicekit.postgres import PostgresStore, append_to_outbox
from servicekit.settings import PostgresSettings

log = logging.getLogger("tiny")
router = APIRouter()


class Settings(PostgresSettings):
    """TINY_* variables."""

    model_config = SettingsConfigDict(env_prefix="TINY_", frozen=True, extra="ignore")


@router.put("/v1/stations/{station_id}/pump")
async def set_pump(request: Request, station_id: UUID) -> None:
    """Publishes that the pump is free."""
    event = PumpStatusChangedV1(
        station_id=station_id, pump_id="1", version=1, status=PumpStatus.FREE, fuels=[], occurred_at=datetime.now(UTC)
    )
    store: PostgresStore = request.app.state.store
    await store.transact(lambda tx: append_to_outbox(tx, to_records([event])))


async def note(tx: Any, received: Sequence[Received]) -> None:
    """Writes down what was consumed."""
    for one in received:
        await tx.execute("INSERT INTO notes (note) VALUES ($1)", str(one.event.station_id))
        log.warning("consumed", extra={"station": str(one.event.station_id)})


def create_app() -> FastAPI:
    """The service, set up by its environment."""
    settings = Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        kit.app.state.store = store = await kit.open(lambda: PostgresStore.connect(settings))
        kit.ready_when("postgres", store.check)
        kit.run_relay(Relay(settings, store))
        kit.run_consumer(Consumer(settings, store, {PumpStatusChangedV1: note}, kit.app.state.verifier))

    return build_app(settings, title="Tiny", description="", start=start, routers=[router])
