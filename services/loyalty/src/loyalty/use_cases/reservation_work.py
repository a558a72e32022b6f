"""Reservations whose time is over: what they set aside is free again, after a restart, too, and once."""

from datetime import UTC, datetime
from uuid import UUID

from loyalty.domain.reservations import Status
from loyalty.repository import reservations as repository
from loyalty.use_cases.confirming import let_go
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.differences import count_open
from servicekit.postgres import Connection

AT_ONCE = 200
EXPIRE_SECONDS = 1.0


async def carry_on(loyalty: Loyalty) -> None:
    """Ends what is due, and shows how many differences are open."""
    while await expire_due(loyalty) == AT_ONCE:
        pass
    async with loyalty.store.connection() as connection:
        await count_open(connection)


async def expire_due(loyalty: Loyalty) -> int:
    """Ends reservations whose time is over, each in a transaction of its own; how many it found.

    One whose driver somebody else is busy with is passed by: it comes again in a moment.
    """
    now = datetime.now(UTC)
    async with loyalty.store.connection() as connection:
        due = await repository.due(connection, now, AT_ONCE)
    ended = [await loyalty.store.transact(lambda tx, one=one: _expire(loyalty, tx, *one, now)) for one in due]
    return len(due) if any(ended) else 0


async def _expire(loyalty: Loyalty, tx: Connection, reservation_id: UUID, driver_id: str, at: datetime) -> bool:
    if not await repository.is_free(tx, driver_id):
        return False
    found = await repository.by_ids(tx, [reservation_id])
    return bool(await let_go(loyalty, tx, found.values(), Status.EXPIRED, at))
