"""Both reconciliations, looked after for as long as the service runs."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta

from payments.domain.reconciliation import Run
from payments.repository import reconciliations as runs
from payments.use_cases import reconciliation_inside as inside
from payments.use_cases import reconciliation_outside as outside
from payments.use_cases.context import Payments

WAIT_SECONDS = 0.5
PATIENCE = timedelta(minutes=30)
"""A bill of millions of lines is read and compared within it."""


async def keep_reconciled(payments: Payments) -> None:
    """Plans what will be due, and does what is."""
    await inside.plan(payments)
    await inside.run_due(payments)
    await outside.plan(payments)
    await outside.run_due(payments)


async def run_outside_now(payments: Payments, day: date, requested_by: str) -> Sequence[Run]:
    """The runs of a day's bills, each done or not possible now, whichever process does them. Raises Problem 409."""
    asked = await outside.request_run(payments, day, requested_by, at_once=True)
    end = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
    while True:
        await outside.run_due(payments)
        async with payments.store.connection() as connection:
            found = [run for one in asked if (run := await runs.find(connection, one.run_id))]
        if all(run.status != "waiting" or run.error for run in found) or asyncio.get_running_loop().time() > end:
            return found
        await asyncio.sleep(WAIT_SECONDS)
