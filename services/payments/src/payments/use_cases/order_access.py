"""Which order somebody may see or change: a driver's own, or one of a station that the caller acts for."""

from uuid import UUID

from payments.domain.orders import Order
from payments.repository import orders
from payments.use_cases.context import Payments
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.erasures import require_present
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def own_order(tx: Connection, driver_id: str, order_id: UUID) -> Order:
    """A driver's order; Problem 404 for another's."""
    return owned_order(await orders.find(tx, order_id), driver_id)


async def lock_own_order(payments: Payments, tx: Connection, driver_id: str, order_id: UUID) -> Order:
    """A driver's order, which nobody else changes until the transaction ends. Problem 401, 404."""
    await require_present(payments.erasures, tx, driver_id)
    return owned_order(await orders.lock(tx, order_id), driver_id)


async def lock_station_order(tx: Connection, principal: Principal, order_id: UUID, permission: Permission) -> Order:
    """An order of a station that the principal may do this for, locked; Problem 404 for another's."""
    order = await orders.lock(tx, order_id)
    if order is None or not principal.may_act_for(str(order.station_id), order.operator, permission):
        raise _no_such_order()
    return order


def owned_order(order: Order | None, driver_id: str) -> Order:
    """The order, where it is the driver's; Problem 404."""
    if order is None or order.driver_id != driver_id:
        raise _no_such_order()
    return order


def _no_such_order() -> Problem:
    return Problem(404, "no-such-order", "There is no such order among those that you may see.")
