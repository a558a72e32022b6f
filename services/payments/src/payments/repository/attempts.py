"""Charges at providers, as they are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.attempts import OPEN, Attempt, AttemptStatus
from payments.domain.provider_words import Provider
from servicekit.postgres import Connection

COLUMNS = tuple(one.name for one in fields(Attempt))
_NAMES = ", ".join(COLUMNS)
_VALUES = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))
_INSERT = f"INSERT INTO attempts ({_NAMES}) VALUES ({_VALUES})"  # noqa: S608 -- names of our own fields
_OPEN = [status.value for status in OPEN]


async def insert(tx: Connection, attempt: Attempt) -> None:
    """Stores a new attempt. The database refuses a second open one for the same purpose."""
    values = {name: getattr(attempt, name) for name in COLUMNS}
    await tx.execute(_INSERT, *(values | {"client": _text(attempt.client)}).values())


async def find(tx: Connection, attempt_id: UUID) -> Attempt | None:
    """The attempt."""
    row = await tx.fetchrow("SELECT * FROM attempts WHERE attempt_id = $1", attempt_id)
    return attempt_of(row) if row else None


async def lock(tx: Connection, attempt_id: UUID) -> Attempt | None:
    """The attempt, which nobody else can change until the transaction ends. Lock its order before it."""
    row = await tx.fetchrow("SELECT * FROM attempts WHERE attempt_id = $1 FOR UPDATE", attempt_id)
    return attempt_of(row) if row else None


async def find_open(tx: Connection, purpose_id: UUID) -> Attempt | None:
    """The one open attempt for an order or a recharge."""
    row = await tx.fetchrow("SELECT * FROM attempts WHERE purpose_id = $1 AND status = ANY($2)", purpose_id, _OPEN)
    return attempt_of(row) if row else None


async def find_paid(tx: Connection, purpose_id: UUID) -> Sequence[Attempt]:
    """The attempts that were paid, the first first."""
    rows = await tx.fetch(
        "SELECT * FROM attempts WHERE purpose_id = $1 AND status = 'succeeded' ORDER BY paid_at, attempt_id", purpose_id
    )
    return [attempt_of(row) for row in rows]


async def update(
    tx: Connection, attempt_id: UUID, status: AttemptStatus, *, next_look_at: datetime | None,
    trade_id: str | None = None, paid_at: datetime | None = None, closed_at: datetime | None = None,
    client: Mapping[str, str] | None = None, error: str | None = None,
) -> None:  # fmt: skip
    """Writes what is known now of an attempt that the transaction has locked; None leaves what was known."""
    await tx.execute(
        """UPDATE attempts SET (status, next_look_at, trade_id, paid_at, closed_at, client, error)
               = ($2, $3, coalesce($4, trade_id), coalesce($5, paid_at), coalesce($6, closed_at),
                  coalesce($7, client), coalesce($8, error))
           WHERE attempt_id = $1""",
        attempt_id, status, next_look_at, trade_id, paid_at, closed_at, _text(client), error,
    )  # fmt: skip


async def first_day(tx: Connection, provider: str) -> datetime | None:
    """When the provider was asked for a charge for the first time; None: never."""
    return await tx.fetchval("SELECT min(created_at) FROM attempts WHERE provider = $1", provider)


async def set_amount(tx: Connection, attempt_id: UUID, amount_minor: int) -> None:
    """Writes what the provider says was paid, once people have decided about the difference."""
    await tx.execute("UPDATE attempts SET amount_minor = $2 WHERE attempt_id = $1", attempt_id, amount_minor)


async def take_due(tx: Connection, at: datetime, limit: int, lease: timedelta) -> list[Attempt]:
    """Attempts that are due for a look: nobody else gets them before the lease ends, whatever becomes of us."""
    rows = await tx.fetch(
        """UPDATE attempts SET (next_look_at, looks) = ($2, looks + 1) WHERE attempt_id IN (
               SELECT attempt_id FROM attempts WHERE next_look_at <= $1
               ORDER BY next_look_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING *""",
        at, at + lease, limit,
    )  # fmt: skip
    return [attempt_of(row) for row in rows]


def attempt_of(row: Any) -> Attempt:
    """The attempt of a row that has its columns."""
    values = {name: row[name] for name in COLUMNS}
    values |= {
        "provider": Provider(row["provider"]), "status": AttemptStatus(row["status"]),
        "client": msgspec.json.decode(row["client"]) if row["client"] else None,
    }  # fmt: skip
    return Attempt(**values)


def _text(client: Mapping[str, str] | None) -> str | None:
    return None if client is None else msgspec.json.encode(client).decode()
