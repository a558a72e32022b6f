"""How an order ends before anything was paid: cancelled by its driver, rejected by its station, or expired."""

from datetime import datetime

from payments.domain.order_words import Command
from payments.domain.orders import Order, advance
from payments.repository import orders
from payments.use_cases.context import Payments
from servicekit.postgres import Connection


async def end_order(
    payments: Payments, tx: Connection, order: Order, command: Command, actor: str, at: datetime, reason: str
) -> Order:
    """The locked order, ended by CANCEL, REJECT or EXPIRE. Raises InvalidTransition."""
    step = advance(order, command, actor, at, reason=reason, details={"reason": reason})
    await orders.save(tx, [step])
    return step.order
