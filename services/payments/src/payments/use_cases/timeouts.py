"""Orders that wait too long for somebody: what is due is a row, so it is done after a restart, too, and once."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from payments.domain import timeouts as domain
from payments.domain.exceptions import Kind
from payments.domain.order_words import Command
from payments.domain.orders import Order, advance
from payments.domain.timeouts import Outcome
from payments.repository import order_queries, orders
from payments.repository.order_queries import Waiting
from payments.use_cases.context import Payments
from payments.use_cases.ending import end_order
from payments.use_cases.exceptions import ITSELF, raise_exception
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

AT_ONCE = 100
FOR_PEOPLE = {Outcome.UNPAID: Kind.TIMEOUT, Outcome.UNDISPENSED: Kind.PAID_NOT_DISPENSED}


async def fire_timeouts(payments: Payments) -> int:
    """Does what is due, each order in a transaction of its own; how many there were."""
    now = datetime.now(UTC)
    waiting = domain.since(now, payments.settings.timeouts)
    async with payments.store.connection() as connection:
        due = await order_queries.due(connection, waiting, AT_ONCE)
    for order_id in due:
        await _fire(payments, order_id, waiting, now)
    return len(due)


async def _fire(payments: Payments, order_id: UUID, waiting: Sequence[Waiting], now: datetime) -> None:
    """An order that cannot be handled does not keep the others waiting: it comes again after as much time."""
    try:
        await payments.store.transact(lambda tx: _end_waiting(payments, tx, order_id, waiting, now))
    except StoreUnavailable:
        raise
    except Exception:
        log.exception("a timeout could not be handled", extra={"order_id": str(order_id)})
        await payments.store.transact(lambda tx: order_queries.wait_until(tx, order_id, now))


async def _end_waiting(
    payments: Payments, tx: Connection, order_id: UUID, waiting: Sequence[Waiting], now: datetime
) -> None:
    order = await order_queries.lock_due(tx, order_id, waiting)
    if order is None:
        return  # another replica has done it, or somebody came in time
    match domain.outcome_of(order):
        case Outcome.EXPIRE:
            await end_order(payments, tx, order, Command.EXPIRE, ITSELF, now, f"{order.status}_too_long")
        case Outcome.COMPLETE:
            await orders.save(tx, [advance(order, Command.COMPLETE, ITSELF, now)])
        case outcome:
            await _tell_people(tx, order, FOR_PEOPLE[outcome])


async def _tell_people(tx: Connection, order: Order, kind: Kind) -> None:
    details = {
        "order_status": order.status, "waiting_since": order.waiting_since, "volume_ml": order.volume_ml,
        "payable_minor": order.payable_minor, "paid_minor": order.paid_minor, "currency": order.currency,
    }  # fmt: skip
    await raise_exception(tx, kind, order=order, key=f"{kind}|{order.order_id}|{order.version}", details=details)
    await order_queries.wait_until(tx, order.order_id, None)
