"""What a station does with the orders at its pumps."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.domain.order_words import Command, Mode
from payments.domain.orders import Order, advance
from payments.domain.placing import require_possible
from payments.domain.quantities import Disagreement, agreed
from payments.domain.refusals import WrongField
from payments.repository import orders
from payments.use_cases.context import Payments
from payments.use_cases.ending import end_order
from payments.use_cases.order_access import lock_station_order
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def confirm(
    payments: Payments, tx: Connection, principal: Principal, order_id: UUID, volume_ml: int | None,
    amount_minor: int | None,
) -> Order:  # fmt: skip
    """Of a post-pay order what the pump gave, so that its driver can pay; of the others that the station agrees.

    Raises Problem 404, 409 `quantities-disagree`, WrongField, InvalidTransition.
    """
    order = await _lock(tx, principal, order_id)
    if order.mode is not Mode.POST_PAY:
        if volume_ml is not None or amount_minor is not None:
            raise WrongField("volume_ml", "This order is paid before fuelling: report the dispense when it is over.")
        return await _save(tx, order, Command.CONFIRM, principal)
    return await _save(tx, order, Command.CONFIRM, principal, **_given(payments, order, volume_ml, amount_minor))


async def adjust(
    payments: Payments, tx: Connection, principal: Principal, order_id: UUID, volume_ml: int, reason: str
) -> Order:
    """Corrects what was said that the pump gave; the driver must accept it. Raises as `confirm` does."""
    order = await _lock(tx, principal, order_id)
    changes = _given(payments, order, volume_ml, None) | {"dispensed_at": order.dispensed_at, "reason": reason}
    details = {"previous_volume_ml": order.volume_ml, "previous_gross_minor": order.gross_minor, "reason": reason}
    return await _save(tx, order, Command.ADJUST, principal, details=details, **changes)


async def reject(payments: Payments, tx: Connection, principal: Principal, order_id: UUID, reason: str) -> Order:
    """The station does not serve this order. Raises Problem 404, 409 `fuel-given`, InvalidTransition.

    Where fuel was given that forgives a debt, which only those may who may give money back.
    """
    order = await _lock(tx, principal, order_id)
    if order.volume_ml and Permission.REFUNDS_WRITE not in principal.scopes:
        detail = "Fuel was given for this order. Adjust it, or let a manager reject it."
        raise Problem(409, "fuel-given", detail, volume_ml=order.volume_ml)
    return await end_order(payments, tx, order, Command.REJECT, principal.subject, datetime.now(UTC), reason)


async def complete(tx: Connection, principal: Principal, order_id: UUID) -> Order:
    """The driver may leave. Raises Problem 404, InvalidTransition."""
    return await _save(tx, await _lock(tx, principal, order_id), Command.COMPLETE, principal)


async def begin_fuelling(tx: Connection, principal: Principal, order_id: UUID) -> Order:
    """The pump says that fuel flows; a second time changes nothing. Raises Problem 404, InvalidTransition."""
    order = await _lock(tx, principal, order_id)
    if order.fuelling_since is not None:
        return order
    return await _save(tx, order, Command.BEGIN_DISPENSE, principal)


async def _lock(tx: Connection, principal: Principal, order_id: UUID) -> Order:
    return await lock_station_order(tx, principal, order_id, Permission.ORDERS_WRITE)


async def _save(tx: Connection, order: Order, command: Command, principal: Principal, **changes: Any) -> Order:
    step = advance(order, command, principal.subject, datetime.now(UTC), **changes)
    await orders.save(tx, [step])
    return step.order


def _given(payments: Payments, order: Order, volume_ml: int | None, amount_minor: int | None) -> dict[str, Any]:
    """What an order holds of what the pump gave."""
    try:
        volume_ml, gross_minor = agreed(order, volume_ml, amount_minor)
    except Disagreement as error:
        raise Problem(
            409, "quantities-disagree", str(error), volume_ml=error.volume_ml, amount_minor=error.said_minor,
            computed_minor=error.computed_minor,
        ) from None  # fmt: skip
    require_possible(gross_minor, payments.settings.max_order_minor, order.currency)
    return {"volume_ml": volume_ml, "gross_minor": gross_minor, "dispensed_at": datetime.now(UTC)}
