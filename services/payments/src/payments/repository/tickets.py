"""Queries about tickets: a difference is one ticket however often it is seen."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.reconciliation import Finding, Ticket, TicketStatus, TicketStep
from servicekit.ids import new_id
from servicekit.postgres import Connection

COLUMNS = tuple(one.name for one in fields(Ticket))


async def record(tx: Connection, run_id: UUID, at: datetime, findings: Sequence[Finding]) -> int:
    """Makes a ticket of each difference that has none, and notes on the others that they were seen; how many are new.

    One that was gone is opened again, and so is one that people settled, where its numbers are others now.
    """
    known = await _lock_known(tx, findings)
    rows = await tx.fetch(
        """INSERT INTO tickets (ticket_id, check_name, subject, station_id, operator, provider, day, happened_at,
                                evidence, status, found_at, seen_at, seen_by)
           SELECT ticket_id, check_name, subject, station_id, operator, provider, day, happened_at, evidence, 'open',
                  $2, $2, $1
           FROM unnest($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::date[],
                       $10::timestamptz[], $11::jsonb[])
                AS f (ticket_id, check_name, subject, station_id, operator, provider, day, happened_at, evidence)
           ON CONFLICT (check_name, subject) DO UPDATE SET (evidence, status, seen_at, seen_by, closed_at) = (
               excluded.evidence,
               CASE WHEN tickets.status = 'settled' AND tickets.evidence = excluded.evidence THEN 'settled'
                    ELSE 'open' END,
               $2, $1, NULL)
           RETURNING ticket_id, check_name, subject, evidence""",
        run_id, at, [new_id() for _ in findings], [one.check for one in findings], [one.subject for one in findings],
        [one.station_id for one in findings], [one.operator for one in findings],
        [one.provider for one in findings], [one.day for one in findings], [one.happened_at for one in findings],
        [_text(one.evidence) for one in findings],
    )  # fmt: skip
    steps = [(row, _step(known.get((row["check_name"], row["subject"])), row["evidence"])) for row in rows]
    for row, step in steps:
        if step is not None:
            await insert_step(tx, row["ticket_id"], step, "payments", at, run_id, row["evidence"])
    return sum(step in (TicketStep.FOUND, TicketStep.BACK) for _, step in steps)


async def _lock_known(tx: Connection, findings: Sequence[Finding]) -> dict[tuple[str, str], tuple[str, str]]:
    """(check, subject) of the tickets that there are: status and evidence."""
    rows = await tx.fetch(
        """SELECT check_name, subject, status, evidence FROM tickets
           WHERE (check_name, subject) IN (SELECT * FROM unnest($1::text[], $2::text[]))
           ORDER BY check_name, subject FOR UPDATE""",
        [one.check for one in findings], [one.subject for one in findings],
    )  # fmt: skip
    return {(row["check_name"], row["subject"]): (row["status"], row["evidence"]) for row in rows}


def _step(known: tuple[str, str] | None, evidence: str) -> TicketStep | None:
    """What happens to a ticket that is seen with this evidence; None: nothing new."""
    if known is None:
        return TicketStep.FOUND
    if known[0] == TicketStatus.CLOSED:
        return TicketStep.BACK
    return TicketStep.CHANGED if known[1] != evidence else None


async def close_gone(
    tx: Connection, run_id: UUID, at: datetime, checks: Sequence[str], since: datetime, until: datetime,
    provider: str | None = None,
) -> int:  # fmt: skip
    """Closes the tickets of these checks that the run, which looked from `since` to `until`, did not see any more."""
    rows = await tx.fetch(
        """UPDATE tickets SET (status, closed_at, seen_by) = ('closed', $2, $1)
           WHERE check_name = ANY($3) AND status <> 'closed' AND seen_by <> $1 AND happened_at >= $4
                 AND happened_at < $5 AND ($6::text IS NULL OR provider = $6)
           RETURNING ticket_id""",
        run_id, at, list(checks), since, until, provider,
    )  # fmt: skip
    for row in rows:
        await insert_step(tx, row["ticket_id"], TicketStep.GONE, "payments", at, run_id, "{}")
    return len(rows)


async def insert_step(
    tx: Connection, ticket_id: UUID, step: str, actor: str, at: datetime, run_id: UUID | None, details: str
) -> None:
    """Stores what happened to a ticket; `details` is JSON."""
    await tx.execute(
        "INSERT INTO ticket_steps (ticket_id, step, actor, at, run_id, details) VALUES ($1, $2, $3, $4, $5, $6)",
        ticket_id, step, actor, at, run_id, details,
    )  # fmt: skip


async def lock(tx: Connection, ticket_id: UUID) -> Ticket | None:
    """The ticket, which nobody else can change until the transaction ends."""
    row = await tx.fetchrow("SELECT * FROM tickets WHERE ticket_id = $1 FOR UPDATE", ticket_id)
    return ticket_of(row) if row else None


async def settle(tx: Connection, ticket_id: UUID) -> None:
    """Notes that people decided about it."""
    await tx.execute("UPDATE tickets SET status = 'settled' WHERE ticket_id = $1", ticket_id)


async def open_counts(tx: Connection, checks: Sequence[str], provider: str | None = None) -> dict[str, int]:
    """How many tickets of these checks are open, by check; of one provider, or of all."""
    rows = await tx.fetch(
        """SELECT check_name, count(*) FROM tickets
           WHERE check_name = ANY($1) AND status = 'open' AND ($2::text IS NULL OR provider = $2)
           GROUP BY 1 ORDER BY 1""",
        list(checks), provider,
    )  # fmt: skip
    return dict(rows)


async def open_tickets(tx: Connection, limit: int) -> list[Ticket]:
    """The tickets to settle, the newest first."""
    rows = await tx.fetch("SELECT * FROM tickets WHERE status = 'open' ORDER BY ticket_id DESC LIMIT $1", limit)
    return [ticket_of(row) for row in rows]


def ticket_of(row: Any) -> Ticket:
    """The ticket of a row that has its columns."""
    values = {name: row[name] for name in COLUMNS}
    evidence: Mapping[str, Any] = msgspec.json.decode(row["evidence"])
    return Ticket(**values | {"evidence": evidence, "status": TicketStatus(row["status"])})


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
