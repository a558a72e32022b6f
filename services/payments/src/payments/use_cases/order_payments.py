"""Charges at providers that are for an order; see use_cases.purposes.Purpose."""

from datetime import datetime
from uuid import UUID

from payments.domain import charging
from payments.domain.attempts import Attempt
from payments.domain.order_words import Command, Status
from payments.domain.orders import Order, advance
from payments.repository import ledger, orders
from payments.use_cases import transfers
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import ITSELF
from servicekit.postgres import Connection


async def lock(tx: Connection, purpose_id: UUID) -> Order:
    """The order, which nobody else can change until the transaction ends."""
    order = await orders.lock(tx, purpose_id)
    if order is None:
        raise LookupError(f"an attempt names the order {purpose_id}, which is not there")
    return order


def is_wanted(subject: Order) -> bool:
    """Whether it waits for its payment."""
    return subject.status in charging.UNDER_WAY


def order_of(subject: Order) -> Order | None:
    """Itself."""
    return subject


async def take(payments: Payments, tx: Connection, subject: Order, attempt: Attempt, at: datetime) -> bool:
    """The charge pays the order, whichever of its attempts it was; not twice, and not another amount."""
    if not is_wanted(subject) or charging.amount_to_pay(subject) != attempt.amount_minor:
        return False
    await ledger.post(tx, [transfers.paid_at_provider(subject, attempt)])
    await orders.save(tx, [charging.paid(subject, attempt.provider, ITSELF, at)])
    return True


async def lose(tx: Connection, subject: Order, at: datetime) -> None:
    """Nobody knows whether it is paid."""
    if subject.status is Status.PAYING:
        await orders.save(tx, [advance(subject, Command.LOSE_PAYMENT, ITSELF, at)])


async def fail(tx: Connection, subject: Order, at: datetime) -> None:
    """The driver may pay again."""
    await orders.save(tx, [charging.failed(subject, ITSELF, at)])
