"""What happens when an order was paid, refunded or cancelled: first what was reserved for it, then its points."""

from collections.abc import Sequence

from loyalty.repository import points as ledger
from loyalty.use_cases import accrual, confirming
from loyalty.use_cases.context import Loyalty
from servicekit.consumer import Received
from servicekit.postgres import Connection


async def take_paid(loyalty: Loyalty, tx: Connection, received: Sequence[Received]) -> None:
    """Spends what was reserved for the orders, and gives their points."""
    paid = [one.event for one in received]
    owners = await ledger.lock_owners(tx, (one.driver_id for one in paid))
    await confirming.confirm(loyalty, tx, paid)
    await accrual.accrue(loyalty, tx, paid, owners)


async def take_refunded(loyalty: Loyalty, tx: Connection, received: Sequence[Received]) -> None:
    """Gives back what was spent on the orders, then takes back what they earned: so less is owed."""
    refunded = [one.event for one in received]
    owners = await ledger.lock_owners(tx, (one.driver_id for one in refunded))
    await confirming.undo_refunded(loyalty, tx, refunded)
    await accrual.reverse(loyalty, tx, refunded, owners)


async def take_cancelled(loyalty: Loyalty, tx: Connection, received: Sequence[Received]) -> None:
    """Lets go what was reserved for orders that will not be paid."""
    cancelled = [one.event for one in received]
    await ledger.lock_owners(tx, (one.driver_id for one in cancelled))
    await confirming.release_cancelled(loyalty, tx, cancelled)
