"""What happens when an order was paid, refunded or cancelled: first what was reserved for it, then its points.

An order that is paid before fuelling is a purchase only when it is completed: before, nobody knows how much fuel there
will be, and what was not dispensed goes back. One that never is earns nothing.
"""

from collections.abc import Sequence

from loyalty.domain.purchases import counts_when_paid, purchase_when_completed
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
    await accrual.accrue(loyalty, tx, filter(counts_when_paid, paid), owners)


async def take_completed(loyalty: Loyalty, tx: Connection, received: Sequence[Received]) -> None:
    """Gives the points of orders that were paid before fuelling, by what was dispensed."""
    told = [purchase_when_completed(one.event) for one in received]
    dispensed = [one for one in told if one is not None]
    owners = await ledger.lock_owners(tx, (one.driver_id for one in dispensed))
    await accrual.accrue(loyalty, tx, dispensed, owners)


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
