"""How an order ends before anything was paid: cancelled by its driver, rejected by its station, or expired."""

from dataclasses import replace
from datetime import datetime

from payments.domain.order_words import Command, Status
from payments.domain.orders import Order, advance
from payments.repository import orders
from payments.use_cases import capturing
from payments.use_cases.context import Payments
from servicekit.postgres import Connection

NOTHING_DISPENSED = "nothing_dispensed"
"""The reason of an order whose pump gave nothing after all."""


async def end_order(
    payments: Payments, tx: Connection, order: Order, command: Command, actor: str, at: datetime, reason: str
) -> Order:
    """The locked order, ended by CANCEL, REJECT or EXPIRE; what was set aside goes back. Raises InvalidTransition.

    A charge under way is closed by the worker that looks after it, and refunded where it was paid all the same.
    """
    if order.status is Status.AUTHORISED:
        return await capturing.release(payments, tx, order, command, actor, at, reason)
    step = advance(order, command, actor, at, reason=reason, details={"reason": reason})
    await orders.save(tx, [step])
    return step.order


async def end_without_fuel(payments: Payments, tx: Connection, order: Order, actor: str, at: datetime) -> Order:
    """The locked order, whose pump was used and gave nothing. Raises InvalidTransition."""
    unused = replace(order, fuelling_since=None)
    command = Command.EXPIRE if order.status is Status.AUTHORISED else Command.REJECT
    return await end_order(payments, tx, unused, command, actor, at, NOTHING_DISPENSED)
