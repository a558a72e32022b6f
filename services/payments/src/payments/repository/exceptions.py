"""Queries about exceptions and who decided what about them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.exceptions import Case, CaseStatus, Kind
from servicekit.postgres import Connection

COLUMNS = tuple(one.name for one in fields(Case))

GONE: Mapping[Kind, str] = {
    Kind.TIMEOUT: """NOT e.details ? 'dispense_id' AND EXISTS (
        SELECT FROM orders o WHERE o.order_id = e.order_id
             AND o.status NOT IN ('confirmed', 'adjusted', 'paying', 'unknown'))""",
    Kind.PAID_NOT_DISPENSED: """EXISTS (
        SELECT FROM orders o WHERE o.order_id = e.order_id
             AND (o.dispensed_at IS NOT NULL OR o.status = 'refunded'))""",
    Kind.UNKNOWN_PAYMENT: """EXISTS (
        SELECT FROM attempts a WHERE a.attempt_id = (e.details->>'attempt_id')::uuid
             AND a.status IN ('succeeded', 'failed', 'closed'))""",
    Kind.MISMATCH: """EXISTS (
        SELECT FROM attempts a WHERE a.attempt_id = (e.details->>'attempt_id')::uuid
             AND a.status IN ('succeeded', 'failed', 'closed'))""",
    Kind.REFUND_FAILED: """EXISTS (
        SELECT FROM refunds r WHERE r.refund_id = (e.details->>'refund_id')::uuid AND r.status = 'succeeded')""",
    Kind.DISPUTED: """EXISTS (
        SELECT FROM orders o WHERE o.order_id = e.order_id AND o.status NOT IN ('disputed', 'refunding'))""",
}
"""When what an exception is about has settled itself."""


async def insert(
    tx: Connection, exception_id: UUID, kind: Kind, key: str, *, station_id: UUID | None, operator: str | None,
    order_id: UUID | None, details: Mapping[str, Any],
) -> bool:  # fmt: skip
    """Stores an exception; whether it is new: one whose key is known has been raised already."""
    fresh = await tx.fetchval(
        """INSERT INTO exceptions (exception_id, kind, key, station_id, operator, order_id, details)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING RETURNING true""",
        exception_id, kind, key, station_id, operator, order_id, _text(details),
    )  # fmt: skip
    return bool(fresh)


async def insert_step(
    tx: Connection, exception_id: UUID, step: str, before: str | None, after: str, actor: str,
    details: Mapping[str, Any],
) -> None:  # fmt: skip
    """Stores who did what about an exception."""
    await tx.execute(
        """INSERT INTO exception_steps (exception_id, step, before, after, actor, details)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        exception_id, step, before, after, actor, _text(details),
    )  # fmt: skip


async def find(tx: Connection, exception_id: UUID) -> Case | None:
    """The exception."""
    return _case(await tx.fetchrow("SELECT * FROM exceptions WHERE exception_id = $1", exception_id))


async def lock(tx: Connection, exception_id: UUID) -> Case | None:
    """The exception, which nobody else can decide about until the transaction ends. Lock its order before it."""
    return _case(await tx.fetchrow("SELECT * FROM exceptions WHERE exception_id = $1 FOR UPDATE", exception_id))


async def of_station(
    tx: Connection, station_id: UUID, statuses: Sequence[CaseStatus], kind: Kind | None, before: UUID | None, limit: int
) -> list[Case]:
    """A station's exceptions, the newest first, from before one of them on."""
    rows = await tx.fetch(
        """SELECT * FROM exceptions WHERE station_id = $1 AND status = ANY($2) AND ($3::text IS NULL OR kind = $3)
               AND ($4::uuid IS NULL OR exception_id < $4)
           ORDER BY exception_id DESC LIMIT $5""",
        station_id, list(statuses), kind, before, limit,
    )  # fmt: skip
    return [case for row in rows if (case := _case(row))]


async def to_decide(tx: Connection, *, without_station: bool, limit: int) -> list[Case]:
    """Exceptions of all stations, or those of none, that nobody has settled; the newest first."""
    rows = await tx.fetch(
        """SELECT * FROM exceptions WHERE status IN ('open', 'proposed') AND (station_id IS NULL OR NOT $1)
           ORDER BY exception_id DESC LIMIT $2""",
        without_station, limit,
    )  # fmt: skip
    return [case for row in rows if (case := _case(row))]


async def save(tx: Connection, case: Case) -> None:
    """Writes an exception that the transaction has locked."""
    await tx.execute(
        """UPDATE exceptions SET (status, action, reason, amount_minor, volume_ml, note, decided_by, decided_at,
                                  approved_by, approved_at, refund_id) = ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           WHERE exception_id = $1""",
        case.exception_id, case.status, case.action, case.reason, case.amount_minor, case.volume_ml, case.note,
        case.decided_by, case.decided_at, case.approved_by, case.approved_at, case.refund_id,
    )  # fmt: skip


async def resolve_gone(tx: Connection, actor: str, at: datetime) -> int:
    """Resolves those whose matter has settled itself; how many there were."""
    resolved = 0
    for kind, condition in GONE.items():
        found: int | None = await tx.fetchval(
            f"""WITH gone AS (
                    UPDATE exceptions e SET (status, action, decided_by, decided_at) = ('resolved', 'gone', $2, $3)
                    FROM (SELECT exception_id, status FROM exceptions WHERE kind = $1 AND status IN ('open', 'proposed')
                          FOR UPDATE SKIP LOCKED) AS waiting
                    WHERE e.exception_id = waiting.exception_id AND {condition}
                    RETURNING e.exception_id, waiting.status
                ), told AS (
                    INSERT INTO exception_steps (exception_id, step, before, after, actor, at, details)
                    SELECT exception_id, 'gone', status, 'resolved', $2, $3, '{{}}' FROM gone
                ) SELECT count(*) FROM gone""",  # noqa: S608 -- our own text
            kind, actor, at,
        )  # fmt: skip
        resolved += found or 0
    return resolved


async def counts_to_decide(tx: Connection) -> dict[Kind, int]:
    """How many exceptions nobody has settled, by kind."""
    rows = await tx.fetch("SELECT kind, count(*) FROM exceptions WHERE status IN ('open', 'proposed') GROUP BY 1")
    return dict.fromkeys(Kind, 0) | {Kind(kind): count for kind, count in rows}


def _case(row: Any) -> Case | None:
    if row is None:
        return None
    values = {name: row[name] for name in COLUMNS}
    details = msgspec.json.decode(row["details"])
    return Case(**values | {"kind": Kind(row["kind"]), "status": CaseStatus(row["status"]), "details": details})


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
