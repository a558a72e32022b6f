"""What loyalty takes off a payment: asked for before anything is charged; see decision 0028.

Loyalty is asked for each order that is paid after fuelling, also where the driver spends nothing: campaigns hold for
everybody. Coupons and points are the driver's own, so one request at a time may ask for them (a claim). Campaigns alone
need none: of payments of one order that come together the later reservation takes the place of the one before, and the
order's own events settle which of them counts.
"""

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
from servicekit.idempotency import IN_FLIGHT
from servicekit.postgres import Connection
from servicekit.problems import Problem

CLAIM = timedelta(seconds=20)
"""Longer than loyalty is waited for."""
OTHERS_TURN = frozenset({"order-changed", "payment-in-progress", IN_FLIGHT})
"""Another request, or this one sent twice, pays the order: what is reserved may stand for that one by now, and the
order's events end it."""
Result = TypeVar("Result")


async def with_discounts(
    payments: Payments, order: Order, method: str, token: str, charge: Callable[[Order], Awaitable[Result]],
    *, in_full: bool = False,
) -> Result:  # fmt: skip
    """What `charge` makes of the order with its breakdown, discount and reservation; `token` is the driver's own.

    Where it fails, nothing stays reserved. `in_full`: the driver wants nothing taken off. Raises Problem 409
    `discounts-after-fuelling`, `reservation-refused`, `loyalty-away`, InvalidTransition.
    """
    wants = bool(order.coupon_ids or order.points)
    if wants and order.mode is not Mode.POST_PAY:
        detail = "Coupons and points are for paying after fuelling (mode post_pay); pay without them here."
        raise Problem(409, "discounts-after-fuelling", detail)
    if in_full or not (wants or _campaigns_may_hold(payments, order)):
        return await charge(reservations.without(order))
    if not wants:
        return await _reserved(payments, order, method, token, charge)
    wanted = await payments.store.transact(lambda tx: _claim(payments, tx, order))
    try:
        return await _reserved(payments, wanted, method, token, charge)
    finally:
        await payments.store.transact(lambda tx: claims.drop(tx, order.order_id))


def _campaigns_may_hold(payments: Payments, order: Order) -> bool:
    if payments.loyalty is None or order.mode is not Mode.POST_PAY or not order.gross_minor:
        return False
    return Command.BEGIN_PAYMENT in allowed_commands(order)  # otherwise `charge` says what is wrong


async def _reserved(
    payments: Payments, order: Order, method: str, token: str, charge: Callable[[Order], Awaitable[Result]]
) -> Result:
    reserved = await reservations.reserve(payments, order, method, token)
    try:
        return await charge(reserved)
    except InvalidTransition:  # it is paid, or over
        raise
    except Problem as problem:  # of anything else nobody knows what it left behind
        if problem.slug not in OTHERS_TURN:
            await reservations.release(payments, reserved.reservation_id, token)
        raise


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
