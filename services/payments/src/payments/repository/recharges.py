"""Queries about recharges of cards and companies."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from payments.domain.recharges import OPEN, Recharge, RechargeStatus
from servicekit.postgres import Connection

_COLUMNS = tuple(one.name for one in fields(Recharge))
_NAMES = ", ".join(_COLUMNS)


async def insert(tx: Connection, recharge: Recharge) -> None:
    """Stores a new recharge."""
    values = ", ".join(f"${number}" for number in range(1, len(_COLUMNS) + 1))
    await tx.execute(
        f"INSERT INTO recharges ({_NAMES}) VALUES ({values})",  # noqa: S608 - names of our own fields
        *(getattr(recharge, name) for name in _COLUMNS),
    )


async def save(tx: Connection, recharge: Recharge) -> None:
    """Writes what changes of a recharge, which is locked."""
    await tx.execute(
        "UPDATE recharges SET (status, returned_minor, paid_at) = ($2, $3, $4) WHERE recharge_id = $1",
        recharge.recharge_id, recharge.status, recharge.returned_minor, recharge.paid_at,
    )  # fmt: skip


async def find(tx: Connection, recharge_id: UUID) -> Recharge | None:
    """The recharge."""
    return _one(await tx.fetchrow(f"SELECT {_NAMES} FROM recharges WHERE recharge_id = $1", recharge_id))  # noqa: S608


async def lock(tx: Connection, recharge_id: UUID) -> Recharge | None:
    """The recharge, which nobody else can change until the transaction ends."""
    query = f"SELECT {_NAMES} FROM recharges WHERE recharge_id = $1 FOR UPDATE"  # noqa: S608 - names of our own fields
    return _one(await tx.fetchrow(query, recharge_id))


async def lock_returnable(tx: Connection, account_id: UUID) -> list[Recharge]:
    """The paid recharges of an account of which something can go back, the newest first, locked."""
    rows = await tx.fetch(
        f"""SELECT {_NAMES} FROM recharges
            WHERE account_id = $1 AND status = 'paid' AND returned_minor < amount_minor
            ORDER BY recharge_id DESC FOR UPDATE""",  # noqa: S608 - names of our own fields
        account_id,
    )
    return [_made(row) for row in rows]


async def open_minor(tx: Connection, account_id: UUID) -> int:
    """What is on its way to an account: recharges that may still be paid."""
    total = await tx.fetchval(
        "SELECT sum(amount_minor)::bigint FROM recharges WHERE account_id = $1 AND status = ANY($2)",
        account_id, list(OPEN),
    )  # fmt: skip
    return int(total or 0)


async def page(tx: Connection, account_id: UUID, before: UUID | None, limit: int) -> list[Recharge]:
    """A page of an account's recharges, the newest first."""
    rows = await tx.fetch(
        f"""SELECT {_NAMES} FROM recharges WHERE account_id = $1 AND ($2::uuid IS NULL OR recharge_id < $2)
            ORDER BY recharge_id DESC LIMIT $3""",  # noqa: S608 - names of our own fields
        account_id, before, limit,
    )  # fmt: skip
    return [_made(row) for row in rows]


async def recharges_of(tx: Connection, driver_id: str) -> Sequence[Recharge]:
    """All that a driver paid."""
    query = f"SELECT {_NAMES} FROM recharges WHERE driver_id = $1 ORDER BY recharge_id"  # noqa: S608 - as above
    return [_made(row) for row in await tx.fetch(query, driver_id)]


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's recharges to the driver's other account."""
    await tx.execute("UPDATE recharges SET driver_id = $2 WHERE driver_id = $1", driver_id, into)


def _one(row: Any) -> Recharge | None:
    return _made(row) if row else None


def _made(row: Any) -> Recharge:
    values: dict[str, Any] = dict(row)
    values["status"] = RechargeStatus(row["status"])
    return Recharge(**values)
