"""Keeps the list of stations."""

from collections.abc import Sequence
from uuid import UUID

from pricing.repository import levels
from pricing.repository import stations as repository
from schemas.events import StationRegisteredV1
from servicekit.consumer import Received
from servicekit.postgres import Connection


async def record_stations(tx: Connection, received: Sequence[Received]) -> None:
    """Keeps the list of stations; the newest event of each station is enough, whatever came before."""
    newest: dict[UUID, StationRegisteredV1] = {}
    for event, *_ in received:
        if event.station_id not in newest or newest[event.station_id].version < event.version:
            newest[event.station_id] = event
    await levels.mark_stations(tx, list(newest))  # the regions that they leave
    await repository.save_stations(tx, list(newest.values()))
    await levels.mark_stations(tx, list(newest))  # and those that they are in now
