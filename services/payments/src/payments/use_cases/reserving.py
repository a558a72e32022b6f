"""Coupons and points of a payment: asked for at loyalty by one request at a time, before anything is charged."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from payments.domain.order_words import Command, Mode
from payments.domain.orders import InvalidTransition, Order, allowed_commands
from payments.repository import claims
from payments.use_cases import reservations
from payments.use_cases.context import Payments
from payments.use_cases.order_access import lock_own_order
from servicekit.postgres import Connection
from servicekit.problems import Problem

CLAIM = timedelta(seconds=20)
"""Longer than loyalty is waited for."""
Result = TypeVar("Result")


async def with_discounts(
    payments: Payments, order: Order, method: str, token: str, charge: Callable[[Order], Awaitable[Result]]
) -> Result:
    """What `charge` makes of the order with its breakdown, discount and reservation; `token` is the driver's own.

    Where it fails, nothing stays reserved. An order that asks for nothing is charged as it is. Raises Problem 409
    `discounts-after-fuelling`, `reservation-refused`, `loyalty-away`, InvalidTransition.
    """
    if not order.coupon_ids and not order.points:
        return await charge(await reservations.reserve(payments, order, method, token))
    if order.mode is not Mode.POST_PAY:
        detail = "Coupons and points are for paying after fuelling (mode post_pay); pay without them here."
        raise Problem(409, "discounts-after-fuelling", detail)
    wanted = await payments.store.transact(lambda tx: _claim(payments, tx, order))
    try:
        reserved = await reservations.reserve(payments, wanted, method, token)
        try:
            return await charge(reserved)
        except (Problem, InvalidTransition):  # of anything else nobody knows what it left behind
            await reservations.release(payments, reserved.reservation_id, token)
            raise
    finally:
        await payments.store.transact(lambda tx: claims.drop(tx, order.order_id))


async def _claim(payments: Payments, tx: Connection, order: Order) -> Order:
    """The order as it is now, with what is asked for; nobody else may ask loyalty for it meanwhile."""
    found = await lock_own_order(payments, tx, order.driver_id, order.order_id)
    now = datetime.now(UTC)
    is_same = found.version == order.version
    if is_same and Command.BEGIN_PAYMENT not in allowed_commands(found):
        raise InvalidTransition(found, Command.BEGIN_PAYMENT)
    if not is_same or not await claims.take(tx, order.order_id, now, now + CLAIM):
        detail = "Another payment of this order is being prepared; try again in a moment."
        raise Problem(409, "request-in-flight", detail)
    return replace(found, coupon_ids=order.coupon_ids, points=order.points)
