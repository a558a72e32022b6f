"""What a reader of a live stream missed since the last event that it saw. Pure reading."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from payments.repository import order_steps
from payments.repository.order_steps import SeenStep
from servicekit.postgres import Connection

MAX_STEPS = 1_000
OLDEST = timedelta(minutes=15)
"""Further back a board is told to load its list again."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Steps that came before a reader began to watch; with a gap they are the last one of each open order."""

    steps: list[SeenStep]
    has_gap: bool = False


async def missed_of_order(tx: Connection, order_id: UUID, last_event_id: str | None) -> Missed:
    """The order's steps since the version that the reader saw; for a new reader where it stands, its last step."""
    seen = _number(last_event_id)
    steps = await order_steps.of_order(tx, order_id, seen or 0)
    return Missed(steps if seen is not None else steps[-1:])


async def missed_of_station(tx: Connection, station_id: UUID, last_event_id: str | None) -> Missed:
    """The station's steps since that position; for a new reader the last step of each order that is open."""
    if last_event_id is not None:
        steps = None
        if (seen := _number(last_event_id)) is not None:
            since = datetime.now(UTC) - OLDEST
            steps = await order_steps.of_station(tx, station_id, seen, since, MAX_STEPS + 1)
        if steps is not None and len(steps) <= MAX_STEPS:
            return Missed(steps)
    return Missed(await order_steps.last_of_open(tx, station_id, MAX_STEPS), has_gap=last_event_id is not None)


def _number(last_event_id: str | None) -> int | None:
    text = last_event_id or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
