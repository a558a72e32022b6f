"""What providers told us and is still to be confirmed by asking them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Stored:
    """A notification that was verified; `number` is ours, of kind `payment` or `refund`."""

    notification_id: UUID
    provider: str
    kind: str
    number: str
    received_at: datetime
    looks: int


async def take_due(tx: Connection, at: datetime, limit: int, lease: timedelta) -> list[Stored]:
    """Notifications to process: nobody else gets them before the lease ends, whatever becomes of us."""
    rows = await tx.fetch(
        """UPDATE notifications SET (next_look_at, looks) = ($2, looks + 1) WHERE notification_id IN (
               SELECT notification_id FROM notifications WHERE next_look_at <= $1
               ORDER BY next_look_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING notification_id, provider, kind, number, received_at, looks""",
        at, at + lease, limit,
    )  # fmt: skip
    return [Stored(**row) for row in rows]


async def look_again(tx: Connection, notification_id: UUID, at: datetime) -> None:
    """It could not be confirmed yet."""
    await tx.execute("UPDATE notifications SET next_look_at = $2 WHERE notification_id = $1", notification_id, at)


async def mark_processed(tx: Connection, notification_id: UUID, at: datetime) -> None:
    """Its effect is there."""
    await tx.execute(
        "UPDATE notifications SET (processed_at, next_look_at) = ($2, NULL) WHERE notification_id = $1",
        notification_id, at,
    )  # fmt: skip
