"""The inside reconciliation: orders, ledger, charges, refunds, holds and balances, compared every hour."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from payments.domain.reconciliation import Finding, Outcome, Run, Side
from payments.repository import checks, tickets
from payments.repository import reconciliations as runs
from payments.repository.checks import CHECKS, MOST, WITHOUT_TIME
from payments.use_cases.context import Payments
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.telemetry import TICKETS_OPEN

EVERY = timedelta(hours=1)
WINDOW = timedelta(days=40)
"""Of what began longer ago nothing changes any more; a run asked for by people may look at all."""
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=30)
"""Longer than all checks together may take; then another process may take the run over."""
STUCK_AFTER = timedelta(hours=2)
"""A provider answers within this, or people are to look."""
CHECK_NAMES = tuple(check.name for check in CHECKS)


async def plan(payments: Payments) -> None:
    """Sees that the next run will be due an hour after the last one."""

    async def work(tx: Connection) -> None:
        last = await runs.last_finished_at(tx, Side.INSIDE)
        now = datetime.now(UTC)
        await runs.request(tx, _run("payments", now), max(now, last + EVERY) if last else now + EVERY)

    await payments.store.transact(work)


async def run_due(payments: Payments) -> Outcome | None:
    """Does the run that is due; None where none is."""
    run = await payments.store.transact(lambda tx: runs.take(tx, Side.INSIDE, datetime.now(UTC), LEASE))
    return await compare(payments, run, datetime.now(UTC) - WINDOW) if run else None


async def run_now(payments: Payments, requested_by: str, *, everything: bool = False) -> Outcome | None:
    """Does a run at once; None where one is under way already."""
    now = datetime.now(UTC)

    async def begin(tx: Connection) -> Run | None:
        await runs.request(tx, _run(requested_by, now), now)
        return await runs.take(tx, Side.INSIDE, now, LEASE)

    run = await payments.store.transact(begin)
    return await compare(payments, run, BEGINNING if everything else now - WINDOW) if run else None


async def compare(payments: Payments, run: Run, since: datetime) -> Outcome | None:
    """What a run finds, its tickets written; None where another process took the run over meanwhile."""
    now = datetime.now(UTC)
    found = await _look(payments, since, now - STUCK_AFTER)
    return await payments.store.transact(lambda tx: _write_down(tx, run, now, since, found))


async def _look(payments: Payments, since: datetime, stuck_before: datetime) -> Mapping[str, Sequence[Finding]]:
    """What breaks each rule, all at one moment: nothing that moves meanwhile looks like a difference."""
    async with (
        payments.store.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return {check.name: await checks.findings(connection, check, since, stuck_before) for check in CHECKS}


async def _write_down(
    tx: Connection, run: Run, now: datetime, since: datetime, found: Mapping[str, Sequence[Finding]]
) -> Outcome | None:
    all_of_them = [finding for some in found.values() for finding in some[:MOST]]
    new = await tickets.record(tx, run.run_id, now, all_of_them)
    looked_through = [name for name, some in found.items() if len(some) <= MOST]
    gone = await tickets.close_gone(
        tx, run.run_id, now, [name for name in looked_through if name not in WITHOUT_TIME], since, now
    )
    gone += await tickets.close_gone(
        tx, run.run_id, now, [name for name in looked_through if name in WITHOUT_TIME], BEGINNING, now
    )
    outcome = Outcome(await tickets.open_counts(tx, CHECK_NAMES), new, gone)
    TICKETS_OPEN.labels(Side.INSIDE, "").set(sum(outcome.open.values()))
    totals = {"open": outcome.open, "found": new, "gone": gone, "seen": Counter(one.check for one in all_of_them)}
    return outcome if await runs.finish(tx, run, now, totals) else None


def _run(requested_by: str, at: datetime) -> Run:
    return Run(new_id(), Side.INSIDE, None, None, requested_by, at, "waiting")
