"""Queries about runs of reconciliation: each is due until it has come to an end."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.reconciliation import Run, Side
from servicekit.postgres import Connection

COLUMNS = tuple(one.name for one in fields(Run))
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('payments.reconciliations', 0))"


async def request(tx: Connection, run: Run, at: datetime) -> UUID:
    """Makes such a run due then, unless it is so earlier, or is under way; the id of that which will be done."""
    run_id: UUID | None = await tx.fetchval(
        """INSERT INTO reconciliations AS r
               (run_id, side, provider, day, requested_by, requested_at, status, next_try_at)
           VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7)
           ON CONFLICT (side, coalesce(provider, ''), coalesce(day, 'epoch')) WHERE status = 'waiting'
           DO UPDATE SET next_try_at = CASE WHEN r.tries > 0 AND r.error IS NULL THEN r.next_try_at
                                            ELSE least(r.next_try_at, excluded.next_try_at) END
           RETURNING run_id""",
        run.run_id, run.side, run.provider, run.day, run.requested_by, run.requested_at, at,
    )  # fmt: skip
    return run_id or run.run_id


async def take(tx: Connection, side: Side, at: datetime, lease: timedelta) -> Run | None:
    """The run that has been due the longest, unless another of its side is under way; it is ours until the lease ends.

    Whoever takes one waits for the turn, so two processes never work on one side at once.
    """
    await tx.execute(LOCK)
    row = await tx.fetchrow(
        """UPDATE reconciliations SET (next_try_at, tries, error) = ($2, tries + 1, NULL) WHERE run_id = (
               SELECT run_id FROM reconciliations WHERE side = $3 AND status = 'waiting' AND next_try_at <= $1
                    AND NOT EXISTS (SELECT FROM reconciliations WHERE side = $3 AND status = 'waiting' AND tries > 0
                                    AND error IS NULL AND next_try_at > $1)
               ORDER BY next_try_at LIMIT 1)
           RETURNING *""",
        at, at + lease, side,
    )  # fmt: skip
    return run_of(row) if row else None


async def keep(tx: Connection, run: Run, until: datetime) -> bool:
    """Prolongs the lease; False where somebody else has taken the run over."""
    changed = await tx.execute(
        """UPDATE reconciliations SET next_try_at = $3 WHERE run_id = $1 AND status = 'waiting' AND tries = $2""",
        run.run_id, run.tries, until,
    )  # fmt: skip
    return changed == "UPDATE 1"


async def finish(tx: Connection, run: Run, at: datetime, totals: Mapping[str, Any]) -> bool:
    """Notes what a run came to; False where somebody else has taken it over."""
    changed = await tx.execute(
        """UPDATE reconciliations SET (status, finished_at, totals, next_try_at, error) = ('done', $3, $4, NULL, NULL)
           WHERE run_id = $1 AND status = 'waiting' AND tries = $2""",
        run.run_id, run.tries, at, msgspec.json.encode(totals).decode(),
    )  # fmt: skip
    return changed == "UPDATE 1"


async def postpone(tx: Connection, run: Run, until: datetime | None, error: str) -> None:
    """Notes why a run came to no end; None: it is not tried again."""
    await tx.execute(
        """UPDATE reconciliations SET (status, next_try_at, error)
               = (CASE WHEN $3::timestamptz IS NULL THEN 'failed' ELSE 'waiting' END, $3, $4)
           WHERE run_id = $1 AND status = 'waiting' AND tries = $2""",
        run.run_id, run.tries, until, error,
    )  # fmt: skip


async def last_finished_at(tx: Connection, side: Side) -> datetime | None:
    """When a run of the side came to its end the last time."""
    return await tx.fetchval(
        "SELECT max(finished_at) FROM reconciliations WHERE side = $1 AND status = 'done'", side
    )  # fmt: skip


async def of_day(tx: Connection, day: date) -> list[Run]:
    """The newest run of each provider about a day's bill."""
    rows = await tx.fetch(
        """SELECT DISTINCT ON (provider) * FROM reconciliations WHERE side = 'outside' AND day = $1
           ORDER BY provider, run_id DESC""",
        day,
    )
    return [run_of(row) for row in rows]


async def known_days(tx: Connection, provider: str, since: date) -> set[date]:
    """The days from then on of which there is a run of the provider's bill, whatever became of it."""
    rows = await tx.fetch(
        "SELECT DISTINCT day FROM reconciliations WHERE side = 'outside' AND provider = $1 AND day >= $2",
        provider, since,
    )  # fmt: skip
    return {row["day"] for row in rows}


async def is_done(tx: Connection, provider: str, day: date) -> bool:
    """Whether the provider's bill of that day has been compared."""
    found: bool | None = await tx.fetchval(
        """SELECT EXISTS (SELECT FROM reconciliations
                          WHERE side = 'outside' AND (provider, day) = ($1, $2) AND status = 'done')""",
        provider, day,
    )  # fmt: skip
    return bool(found)


def run_of(row: Any) -> Run:
    """The run of a row that has its columns."""
    values = {name: row[name] for name in COLUMNS}
    totals = msgspec.json.decode(row["totals"]) if row["totals"] else None
    return Run(**values | {"side": Side(row["side"]), "totals": totals})


async def find(tx: Connection, run_id: UUID) -> Run | None:
    """The run."""
    row = await tx.fetchrow("SELECT * FROM reconciliations WHERE run_id = $1", run_id)
    return run_of(row) if row else None
