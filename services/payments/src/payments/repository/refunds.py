"""Refunds, as they are stored."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from payments.domain.ledger import AccountKind
from payments.domain.refunds import COUNTED, Refund, RefundPurpose, RefundStatus
from servicekit.postgres import Connection

COLUMNS = tuple(one.name for one in fields(Refund))
_NAMES = ", ".join(COLUMNS)
_VALUES = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))
_INSERT = f"INSERT INTO refunds ({_NAMES}) VALUES ({_VALUES}) ON CONFLICT DO NOTHING"  # noqa: S608 -- our own fields
_UPDATE = f"UPDATE refunds SET ({_NAMES}) = ({_VALUES}) WHERE refund_id = $1"  # noqa: S608 -- as above
_COUNTED = [status.value for status in COUNTED]


async def insert(tx: Connection, refund: Refund) -> bool:
    """Stores a new refund; whether it is new: a late payment goes back once."""
    return await tx.execute(_INSERT, *_values_of(refund)) == "INSERT 0 1"


async def update(tx: Connection, refund: Refund) -> None:
    """Writes a refund that the transaction has locked."""
    await tx.execute(_UPDATE, *_values_of(refund))


async def find(tx: Connection, refund_id: UUID) -> Refund | None:
    """The refund."""
    row = await tx.fetchrow("SELECT * FROM refunds WHERE refund_id = $1", refund_id)
    return refund_of(row) if row else None


async def lock(tx: Connection, refund_id: UUID) -> Refund | None:
    """The refund, which nobody else can change until the transaction ends. Lock its order before it."""
    row = await tx.fetchrow("SELECT * FROM refunds WHERE refund_id = $1 FOR UPDATE", refund_id)
    return refund_of(row) if row else None


async def of_purpose(tx: Connection, purpose_id: UUID) -> Sequence[Refund]:
    """All refunds of an order or a recharge, the first first."""
    rows = await tx.fetch("SELECT * FROM refunds WHERE purpose_id = $1 ORDER BY refund_id", purpose_id)
    return [refund_of(row) for row in rows]


async def counted_minor(tx: Connection, order_id: UUID) -> int:
    """What of an order's payment is refunded, or on its way back, or asked for."""
    counted = await tx.fetchval(
        """SELECT coalesce(sum(amount_minor), 0)::bigint FROM refunds
           WHERE purpose_id = $1 AND purpose = 'order' AND status = ANY($2)""",
        order_id, _COUNTED,
    )  # fmt: skip
    return int(counted or 0)


async def take_due(tx: Connection, at: datetime, limit: int, lease: timedelta) -> list[Refund]:
    """Refunds that are due: nobody else gets them before the lease ends, whatever becomes of us."""
    rows = await tx.fetch(
        """UPDATE refunds SET (next_look_at, looks) = ($2, looks + 1) WHERE refund_id IN (
               SELECT refund_id FROM refunds WHERE next_look_at <= $1
               ORDER BY next_look_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING *""",
        at, at + lease, limit,
    )  # fmt: skip
    return [refund_of(row) for row in rows]


def refund_of(row: Any) -> Refund:
    """The refund of a row that has its columns."""
    values = {name: row[name] for name in COLUMNS}
    values |= {
        "purpose": RefundPurpose(row["purpose"]), "status": RefundStatus(row["status"]),
        "source_kind": AccountKind(row["source_kind"]),
    }  # fmt: skip
    return Refund(**values)


def _values_of(refund: Refund) -> list[Any]:
    return [getattr(refund, name) for name in COLUMNS]
