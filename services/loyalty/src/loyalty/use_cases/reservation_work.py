"""Reservations whose time is over: what they set aside is free again, after a restart, too, and once."""

from datetime import UTC, datetime

from loyalty.domain.reservations import Status
from loyalty.repository import reservations as repository
from loyalty.repository.reservations import Due
from loyalty.use_cases.confirming import let_go
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.differences import count_open
from loyalty.use_cases.each_by_itself import each_by_itself
from servicekit.postgres import Connection

AT_ONCE = 200
EXPIRE_SECONDS = 1.0


async def carry_on(loyalty: Loyalty) -> None:
    """Ends what is due, and shows how many differences are open."""
    await expire_due(loyalty)
    async with loyalty.store.connection() as connection:
        await count_open(connection)


async def expire_due(loyalty: Loyalty) -> int:
    """Ends reservations whose time is over, each in a transaction of its own; how many.

    One whose driver somebody else is busy with is passed by, and so is one that cannot be ended: they come again in a
    moment.
    """
    now, ended, last = datetime.now(UTC), 0, None

    async def expire(tx: Connection, one: Due) -> bool:
        return await _expire(loyalty, tx, one, now)

    while True:
        async with loyalty.store.connection() as connection:
            due = await repository.due(connection, now, AT_ONCE, last)
        ended += await each_by_itself(loyalty, due, expire, "reservations")
        if len(due) < AT_ONCE:
            return ended
        last = due[-1]


async def _expire(loyalty: Loyalty, tx: Connection, one: Due, at: datetime) -> bool:
    if not await repository.is_free(tx, one.driver_id):
        return False
    found = await repository.by_ids(tx, [one.reservation_id])
    return bool(await let_go(loyalty, tx, found.values(), Status.EXPIRED, at))
