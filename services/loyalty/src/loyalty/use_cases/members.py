"""Drivers as members: since when, their birth month, and what becomes of it all when they go or two are one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from loyalty.domain.tiers import TIERS
from loyalty.repository import members as repository
from loyalty.repository import tiers
from loyalty.repository.members import BirthMonth
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.tiers import note_volumes
from servicekit.consumer import Received
from servicekit.erasures import require_present
from servicekit.postgres import Connection
from servicekit.problems import Problem

KEPT_FOR = timedelta(days=365)
"""So long a birth month stays as it was told: one birthday in a year."""


async def take_registered(tx: Connection, received: Sequence[Received]) -> None:
    """Remembers since when people have accounts: invitations are for new ones."""
    drivers = [one.event for one in received if one.event.kind == "driver"]
    await repository.note_joined(
        tx, [str(one.user_id) for one in drivers], [one.occurred_at for one in drivers]
    )  # fmt: skip


async def tell_birth_month(
    loyalty: Loyalty, tx: Connection, driver_id: str, month: int, now: datetime | None = None
) -> BirthMonth:  # fmt: skip
    """What the driver told now; the same once more changes nothing. Raises Problem 401, 409 within the year after."""
    await require_present(loyalty.erasures, tx, driver_id)
    await repository.lock(tx, driver_id)
    at = now or datetime.now(UTC)
    known = await repository.birth_month_of(tx, driver_id)
    if known is not None and known.month == month:
        return known
    if known is not None and at < known.set_at + KEPT_FOR:
        when = f"{known.set_at + KEPT_FOR:%Y-%m-%d}"
        raise Problem(409, "birth-month-told", f"You told another month; it can be changed from {when} on.")
    told = BirthMonth(month, at)
    await repository.save_birth_month(tx, driver_id, told)
    return told


async def collect(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS."""
    membership = await repository.membership_of(tx, driver_id)
    months = await tiers.months_of(tx, driver_id)
    fuel = [{"month": month, "volume_ml": volume} for month, volume in months.items()]
    return [membership | {"months": fuel}] if membership else []


async def erase(_: Loyalty, tx: Connection, driver_id: str) -> int:
    """See people.ERASES; the row stays where the points' books need it."""
    told = await repository.birth_month_of(tx, driver_id)
    await repository.reset(tx, driver_id, TIERS[0].word)
    await repository.drop_unused(tx, driver_id)
    return await tiers.delete_months(tx, driver_id) + (told is not None)


async def move(loyalty: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES: the fuel of both counts together; a birth month that the other account told stays."""
    await repository.lock(tx, driver_id, into)
    gone, kept = [await repository.membership_of(tx, one) or {} for one in (driver_id, into)]
    if gone["birth_month"] is not None and kept["birth_month"] is None:
        await repository.save_birth_month(tx, into, BirthMonth(gone["birth_month"], gone["birth_month_set_at"]))
    await repository.note_joined(tx, [into], [gone["joined_at"]])
    months = await tiers.months_of(tx, driver_id)
    await tiers.delete_months(tx, driver_id)
    await repository.reset(tx, driver_id, TIERS[0].word)
    await repository.drop_unused(tx, driver_id)
    await note_volumes(loyalty, tx, [(into, month, volume) for month, volume in months.items()], datetime.now(UTC))
