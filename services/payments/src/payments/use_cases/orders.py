"""What a driver does with an order, but for placing and paying it."""

from datetime import UTC, datetime
from uuid import UUID

from payments.domain.exceptions import Kind
from payments.domain.order_words import Command
from payments.domain.orders import Order, advance
from payments.repository import disputes, orders
from payments.use_cases.context import Payments
from payments.use_cases.ending import end_order
from payments.use_cases.exceptions import raise_exception
from payments.use_cases.order_access import lock_own_order
from servicekit.ids import new_id
from servicekit.postgres import Connection

BY_DRIVER = "by_driver"
"""The reason of an order that its driver cancelled."""


async def accept(payments: Payments, tx: Connection, driver_id: str, order_id: UUID) -> Order:
    """The driver agrees with the station's correction. Raises Problem 401, 404, InvalidTransition."""
    order = await lock_own_order(payments, tx, driver_id, order_id)
    step = advance(order, Command.ACCEPT, driver_id, datetime.now(UTC))
    await orders.save(tx, [step])
    return step.order


async def cancel(payments: Payments, tx: Connection, driver_id: str, order_id: UUID) -> Order:
    """The driver wants no fuel after all. Raises Problem 401, 404, InvalidTransition."""
    order = await lock_own_order(payments, tx, driver_id, order_id)
    return await end_order(payments, tx, order, Command.CANCEL, driver_id, datetime.now(UTC), BY_DRIVER)


async def dispute(
    payments: Payments, tx: Connection, driver_id: str, order_id: UUID, reason: str, text: str | None
) -> Order:
    """The driver says what is wrong with a paid order; people decide. Raises Problem 401, 404, InvalidTransition."""
    order = await lock_own_order(payments, tx, driver_id, order_id)
    now, dispute_id = datetime.now(UTC), new_id()
    step = advance(order, Command.DISPUTE, driver_id, now, reason=reason, details={"reason": reason})
    sealed = (await payments.vault.box(tx, driver_id)).seal(text, disputes.context_of(dispute_id)) if text else None
    await disputes.insert(tx, dispute_id, order_id, driver_id, reason, sealed, now)
    await orders.save(tx, [step])
    await raise_exception(
        tx, Kind.DISPUTED, order=step.order, key=f"disputed|{dispute_id}",
        details={"dispute_id": str(dispute_id), "reason": reason, "paid_minor": order.paid_minor},
    )  # fmt: skip
    return step.order
