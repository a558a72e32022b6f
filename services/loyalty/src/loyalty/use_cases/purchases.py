"""What happens when an order was paid, refunded or cancelled: first what was reserved for it, then its points.

An order that is paid before fuelling is a purchase only when it is completed: before, nobody knows how much fuel there
will be, and what was not dispensed goes back. One that never is earns nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from loyalty.domain.purchases import counts_when_paid, purchase_when_completed
from loyalty.repository import points as ledger
from loyalty.use_cases import accrual, confirming
from loyalty.use_cases.context import Loyalty
from schemas.events import OrderCancelledV1, OrderCompletedV1, OrderPaidV1, OrderRefundedV1
from servicekit.consumer import Received
from servicekit.postgres import Connection

OF_ORDERS = (OrderPaidV1, OrderCompletedV1, OrderRefundedV1, OrderCancelledV1)
Told = TypeVar("Told")


async def take_orders(loyalty: Loyalty, tx: Connection, received: Sequence[Received]) -> None:
    """Takes up all that was told of orders, of whatever kind: the order does not count, since states decide.

    What was reserved comes first: whoever gets points back owes less for what the order earned. The rows of campaigns
    come last: others wait for them.
    """
    told = [one.event for one in received]
    paid, refunded = _of(told, OrderPaidV1), _of(told, OrderRefundedV1)
    owners = await ledger.lock_owners(tx, (one.driver_id for one in told))
    moves = [
        *await confirming.confirm(loyalty, tx, paid),
        *await confirming.release_cancelled(tx, _of(told, OrderCancelledV1)),
        *await confirming.undo_refunded(loyalty, tx, refunded),
    ]
    dispensed = map(purchase_when_completed, _of(told, OrderCompletedV1))
    await accrual.accrue(loyalty, tx, [*filter(counts_when_paid, paid), *filter(None, dispensed)], owners)
    if refunded:
        await accrual.reverse(loyalty, tx, refunded, owners)
    await confirming.settle_moves(tx, moves, datetime.now(UTC))


def _of(told: Iterable[Any], kind: type[Told]) -> list[Told]:
    return [event for event in told if isinstance(event, kind)]
