"""What a person set aside for payments and took of campaigns: told, erased, handed to the account that is left.

These come first of all that is erased and handed over, so here the members are locked: as everywhere, before anything
that hangs on them.
"""

from datetime import UTC, datetime
from typing import Any

from loyalty.domain.reservations import Status
from loyalty.repository import campaign_use, members
from loyalty.repository import reservations as repository
from loyalty.use_cases.confirming import let_go
from loyalty.use_cases.context import Loyalty
from servicekit.postgres import Connection


async def collect(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """The reservations."""
    return await repository.all_of(tx, driver_id)


async def erase(loyalty: Loyalty, tx: Connection, driver_id: str) -> int:
    """Gives back what is set aside, and deletes all; how many reservations. What was spent stays spent in the sums of
    campaigns, which name nobody."""
    await members.lock(tx, driver_id)
    await let_go(loyalty, tx, await repository.held_of_driver(tx, driver_id), Status.RELEASED, datetime.now(UTC))
    return await repository.forget_driver(tx, driver_id)


async def move(_: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """The reservations are the other account's."""
    await members.lock(tx, driver_id, into)
    await repository.move(tx, driver_id, into)


async def collect_use(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """What the person took of each campaign."""
    return await campaign_use.of_driver(tx, driver_id)


async def erase_use(_: Loyalty, tx: Connection, driver_id: str) -> int:
    """Nobody knows who took it; how many campaigns."""
    return await campaign_use.forget_driver(tx, driver_id)


async def move_use(_: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """It counts as taken by the other account."""
    await campaign_use.move(tx, driver_id, into)
