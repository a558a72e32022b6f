"""What payments does by itself, again and again, wherever it was stopped before."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from payments.use_cases.attempts import look_at_due
from payments.use_cases.context import Payments
from payments.use_cases.invoice_work import carry_on
from payments.use_cases.notifications import process_due
from payments.use_cases.refund_work import send_due
from payments.use_cases.timeouts import fire_timeouts
from servicekit.repeating import repeat

Work = Callable[[Payments], Awaitable[int]]
"""Does what is due; how much there was."""
WORKERS: Mapping[str, Work] = {
    "notifications": process_due,
    "attempts": look_at_due,
    "refunds": send_due,
    "timeouts": fire_timeouts,
    "invoices": carry_on,
}
"""By the name of the background task."""
PAUSE_SECONDS = 0.3


def start_workers(payments: Payments, background: Callable[[str, Callable[[], Awaitable[None]]], None]) -> None:
    """Starts them all; `background` is that of servicekit.app.Kit."""
    for name, work in WORKERS.items():
        background(name, partial(repeat, partial(_until_done, payments, work), PAUSE_SECONDS))


async def _until_done(payments: Payments, work: Work) -> None:
    while await work(payments):
        pass
