"""What payments does by itself, again and again, wherever it was stopped before."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from payments.repository import attempts, notifications, refunds
from payments.use_cases.attempts import look
from payments.use_cases.context import Payments
from payments.use_cases.due_work import PAUSE_SECONDS, Due, keep_up
from payments.use_cases.invoice_work import carry_on
from payments.use_cases.notifications import process
from payments.use_cases.refund_work import send
from payments.use_cases.timeouts import fire_timeouts
from servicekit.repeating import repeat

Work = Callable[[Payments], Awaitable[int]]
"""Does what is due; how much there was."""
WORKERS: Mapping[str, Work] = {
    "timeouts": fire_timeouts,
    "invoices": carry_on,
}
"""By the name of the background task."""
CARED_FOR: Mapping[str, Due[Any]] = {
    "notifications": Due(
        notifications.take_due, process, at_once=8
    ),  # or a burst of them would slow down its own answers
    "attempts": Due(attempts.take_due, look),
    "refunds": Due(refunds.take_due, send),
}
"""What providers are asked about, each row by itself."""


def start_workers(payments: Payments, background: Callable[[str, Callable[[], Awaitable[None]]], None]) -> None:
    """Starts them all; `background` is that of servicekit.app.Kit."""
    for name, due in CARED_FOR.items():
        background(name, partial(keep_up, payments, name, due))
    for name, work in WORKERS.items():
        background(name, partial(repeat, partial(_until_done, payments, work), PAUSE_SECONDS))


async def _until_done(payments: Payments, work: Work) -> None:
    while await work(payments):
        pass
