"""Makes price changes of staff the price when their time has come, once, however many replicas look."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime

from pricing.domain import changes as domain
from pricing.domain.changes import Limits, PriceChange
from pricing.repository import changes as repository
from pricing.repository.reports import load_knowledge
from pricing.use_cases.reports import submit_reports
from servicekit.backoff import Backoff
from servicekit.postgres import Connection, PostgresStore, is_away
from servicekit.store import StoreUnavailable
from servicekit.telemetry import PRICE_CHANGES, tracer

log = logging.getLogger(__name__)

ACTOR = "pricing"
"""Who acts in the audit trail when a change's time has come."""

BATCH = 500
LOOK_SECONDS = 0.5
"""How long a change that another replica took in for the next moment may go unnoticed."""

TURN_SECONDS = 0.05
LOOK_STUCK_SECONDS = 60.0


async def fire(tx: Connection, changes: Sequence[PriceChange], actor: str, now: datetime) -> list[PriceChange]:
    """Each change as it is now: the price, or failed where it is refused as any report is. One for each price."""
    if not changes:
        return []
    reports = [domain.report_of(change, now) for change in changes]
    prices = (await load_knowledge(tx, reports)).prices
    reports = [domain.after_what_was_said(report, prices.get(report.key)) for report in reports]
    verdicts = await submit_reports(tx, reports)
    steps = [
        domain.fire(change, verdict, prices.get(change.key), actor, now)
        for change, verdict in zip(changes, verdicts, strict=True)
    ]
    await repository.save_steps(tx, steps)
    return [step.change for step in steps]


async def fire_due(tx: Connection, limits: Limits) -> list[PriceChange]:
    """Fires the changes that are due, and fails those that nobody approved or no process fired in time."""
    now, due = await repository.lock_due(tx, BATCH)
    too_late = [domain.fail(c, ACTOR, now, why) for c in due if (why := domain.missed(c, now, limits))]
    if too_late:
        await repository.save_steps(tx, too_late)
    first_of_each_price = {c.key: c for c in reversed(due) if not domain.missed(c, now, limits)}
    return [*(step.change for step in too_late), *await _fire_apart(tx, list(first_of_each_price.values()), now)]


async def _fire_apart(tx: Connection, changes: Sequence[PriceChange], now: datetime) -> list[PriceChange]:
    """Fires all together; where that breaks, each by itself, so that one which cannot be handled fails alone."""
    try:
        async with tx.transaction():
            return await fire(tx, changes, ACTOR, now)
    except Exception as error:
        if is_away(error):
            raise
        log.exception("price changes cannot fire", extra={"change_ids": [str(c.change_id) for c in changes]})
    if len(changes) > 1:
        return [done for change in changes for done in await _fire_apart(tx, [change], now)]
    step = domain.fail(changes[0], ACTOR, now, domain.Missed.INTERNAL_ERROR)
    await repository.save_steps(tx, [step])
    return [step.change]


class Scheduler:
    """Waits for the next change to become due; every replica runs one, and whoever is first fires."""

    def __init__(self, store: PostgresStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._looked_at = time.monotonic()

    @property
    def seconds_without_progress(self) -> float:
        """Since it last looked, or found its database away."""
        return time.monotonic() - self._looked_at

    async def run(self) -> None:
        """Fires until cancelled. A lost database is waited for."""
        backoff = Backoff()
        while True:
            self._looked_at = time.monotonic()
            try:
                await asyncio.sleep(await self._look())
                backoff = Backoff()
            except StoreUnavailable as error:
                log.warning("price changes wait for the database", extra={"error": str(error)})
                await backoff.wait()

    async def _look(self) -> float:
        """Fires what is due; how long to wait then, at most until the next change."""
        async with self._store.connection() as connection:
            seconds = await repository.seconds_to_next(connection)
        if seconds is None or seconds > 0:
            return min(seconds or LOOK_SECONDS, LOOK_SECONDS)
        with tracer.start_as_current_span("fire price changes"):
            done = await self._store.transact(lambda tx: fire_due(tx, self._limits))
        for change in done:
            PRICE_CHANGES.labels(change.status).inc()
        return 0.0 if done else TURN_SECONDS  # another replica has the turn, or somebody holds the change
