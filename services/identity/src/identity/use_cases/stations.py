"""Which operator a station belongs to: what staff may be bound to, and clients made for."""

from collections.abc import Sequence
from typing import Any

from identity.repository import stations as repository
from servicekit.consumer import Received


async def record_stations(tx: Any, received: Sequence[Received]) -> None:
    """Keeps the newest state of each station of a batch."""
    newest: dict[Any, Any] = {}
    for one in received:
        event: Any = one.event
        if event.station_id not in newest or newest[event.station_id].version < event.version:
            newest[event.station_id] = event
    await repository.save_stations(tx, [(event.station_id, event.operator, event.version) for event in newest.values()])
