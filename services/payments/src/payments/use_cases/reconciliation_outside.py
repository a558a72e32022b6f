"""The outside reconciliation: every day's bill of each provider, read as a stream and compared as a whole."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from payments.domain.bill_lines import BillKind, BillLine
from payments.domain.provider_words import Provider
from payments.domain.reconciliation import (
    PAYMENT_EDGE,
    REFUND_EDGE,
    Finding,
    Outcome,
    Run,
    Side,
    billed_at,
    bounds,
    is_too_old,
    judged,
    last_billed_day,
)
from payments.providers.channel import Channel, ProviderAway, ProviderRefused
from payments.repository import attempts, bill_checks, tickets
from payments.repository import reconciliations as runs
from payments.repository.bill_checks import CHECKS, NAMES
from payments.repository.checks import MOST
from payments.use_cases.context import Payments
from payments.use_cases.reconciliation_inside import BEGINNING
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.telemetry import TICKETS_OPEN

log = logging.getLogger(__name__)

CATCH_UP_DAYS = 7
LEASE = timedelta(minutes=10)
"""Renewed with each batch of lines; then another process may take the run over."""
LINES_AT_ONCE = 1_000
AGAIN_AFTER = timedelta(minutes=10)
MOST_TRIES = 144
"""A day of them."""
JUST_DONE = timedelta(minutes=10)
"""Whoever asks for a run so soon after the last one gets that one."""
EDGES: Mapping[BillKind, timedelta] = {BillKind.PAYMENT: PAYMENT_EDGE, BillKind.REFUND: REFUND_EDGE}


async def plan(payments: Payments, now: datetime | None = None) -> None:
    """Makes runs due for the bills of the last days that nobody has asked for, from the first day with a charge on."""
    now = now or datetime.now(UTC)
    newest = last_billed_day(now)
    days = [newest - timedelta(days=age) for age in range(CATCH_UP_DAYS)]

    async def work(tx: Connection) -> None:
        for provider in payments.channels:
            first = await attempts.first_day(tx, provider)
            known = await runs.known_days(tx, provider, days[-1])
            for day in days:
                if first is not None and bounds(day)[1] > first and day not in known:
                    await runs.request(tx, _run(provider, day, "payments", now), now)

    await payments.store.transact(work)


async def request_run(payments: Payments, day: date, requested_by: str, *, at_once: bool = False) -> Sequence[Run]:
    """A run of each provider's bill of the day: due now, under way, or, unless `at_once`, done some minutes ago.

    Raises Problem 409.
    """
    now = datetime.now(UTC)
    require_billed(day, now)
    if not payments.channels:
        raise Problem(409, "no-provider", "No payment provider is configured here, so there is no bill.")

    async def work(tx: Connection) -> Sequence[Run]:
        known = {run.provider: run for run in await runs.of_day(tx, day)}
        for provider in payments.channels:
            last = known.get(provider)
            if at_once or last is None or last.finished_at is None or now - last.finished_at > JUST_DONE:
                await runs.request(tx, _run(provider, day, requested_by, now), now)
        return await runs.of_day(tx, day)

    return await payments.store.transact(work)


def require_billed(day: date, now: datetime) -> None:
    """Raises Problem 409 where no provider has a bill of the day, yet or any more."""
    if (moment := billed_at(day)) > now:
        detail = f"The bill of {day} can be had from {moment.isoformat()} on; ask again then."
        raise Problem(409, "not-billed-yet", detail, billed_at=moment.isoformat())
    if is_too_old(day, now):
        raise Problem(409, "bill-too-old", f"Providers keep bills for three months; that of {day} is gone.")


async def run_due(payments: Payments) -> Run | None:
    """Does the run that is due; None where none is, otherwise the run as it is then."""
    run = await payments.store.transact(lambda tx: runs.take(tx, Side.OUTSIDE, datetime.now(UTC), LEASE))
    if run is None:
        return None
    await _do(payments, run)
    async with payments.store.connection() as connection:
        return await runs.find(connection, run.run_id)


async def _do(payments: Payments, run: Run) -> None:
    channel = payments.channels.get(Provider(run.provider or ""))
    if channel is None:
        await _postpone(payments, run, None, "the provider is not configured any more")
        return
    again = datetime.now(UTC) + AGAIN_AFTER if run.tries < MOST_TRIES else None
    try:
        if not await _read(payments, channel, run):
            return
    except ProviderAway as away:
        await _postpone(payments, run, again, str(away))
    except ProviderRefused as refusal:
        await _postpone(payments, run, again, refusal.code)
    else:
        await compare(payments, run)


async def _postpone(payments: Payments, run: Run, until: datetime | None, error: str) -> None:
    log.warning("a bill could not be read", extra={"provider": run.provider, "day": str(run.day), "error": error})
    await payments.store.transact(lambda tx: runs.postpone(tx, run, until, error))


async def _read(payments: Payments, channel: Channel, run: Run) -> bool:
    """Stores the bill's lines, some at a time; False where another process took the run over meanwhile."""
    assert run.day is not None  # noqa: S101 -- an outside run has one
    await payments.store.transact(lambda tx: bill_checks.forget_lines(tx, run))
    batch: list[BillLine] = []
    async for line in channel.bill(run.day):
        batch.append(line)
        if len(batch) == LINES_AT_ONCE:
            if not await _store(payments, run, batch):
                return False
            batch = []
    return await _store(payments, run, batch)


async def _store(payments: Payments, run: Run, batch: Sequence[BillLine]) -> bool:
    async def work(tx: Connection) -> bool:
        if not await runs.keep(tx, run, datetime.now(UTC) + LEASE):
            return False
        await bill_checks.add_lines(tx, run, batch)
        return True

    return await payments.store.transact(work)


async def compare(payments: Payments, run: Run) -> Outcome | None:
    """What a run whose bill is stored finds, its tickets written; None where another process took it over meanwhile."""
    assert run.day is not None and run.provider is not None  # noqa: S101, PT018 -- an outside run has both
    found = await _look(payments, run, run.day, run.provider)
    return await payments.store.transact(lambda tx: _write_down(tx, run, datetime.now(UTC), found))


async def _look(payments: Payments, run: Run, day: date, provider: str) -> Mapping[str, Sequence[Finding]]:
    async with (
        payments.store.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        is_known = await runs.is_done(connection, provider, day - timedelta(days=1))
        numbers = await bill_checks.open_numbers(connection, provider)
        return {
            check.name: await bill_checks.findings(
                connection, run, check, judged(day, EDGES[check.kind], day_before_is_known=is_known),
                numbers.get(check.name, ()),
            )
            for check in CHECKS
        }  # fmt: skip


async def _write_down(
    tx: Connection, run: Run, now: datetime, found: Mapping[str, Sequence[Finding]]
) -> Outcome | None:
    assert run.day is not None  # noqa: S101 -- as above
    new = await tickets.record(tx, run.run_id, now, [finding for some in found.values() for finding in some[:MOST]])
    looked_through = [name for name, some in found.items() if len(some) <= MOST]
    gone = await tickets.close_gone(tx, run.run_id, now, looked_through, BEGINNING, now, run.provider)
    await bill_checks.keep_only(tx, run)
    outcome = Outcome(await tickets.open_counts(tx, NAMES, run.provider), new, gone)
    TICKETS_OPEN.labels(Side.OUTSIDE, run.provider).set(sum(outcome.open.values()))
    sums = await bill_checks.totals(tx, run, bounds(run.day))
    totals = sums | {"open": outcome.open, "found": new, "gone": gone}
    return outcome if await runs.finish(tx, run, now, totals) else None


def _run(provider: str, day: date, requested_by: str, at: datetime) -> Run:
    return Run(new_id(), Side.OUTSIDE, provider, day, requested_by, at, "waiting")
