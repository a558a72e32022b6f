"""What loyalty takes off an order: set aside there before the charge, given back when there is none."""

import logging
from dataclasses import replace
from uuid import UUID

from payments.domain.orders import Order
from payments.providers.loyalty import LoyaltyAway, ReservationRefused
from payments.use_cases.context import Payments
from schemas.reservations import ReservationRequest
from servicekit.ids import new_id
from servicekit.problems import Problem

log = logging.getLogger(__name__)


AWAY = (
    "What coupons, points and campaigns take off cannot be looked up just now, and the price that you were shown may "
    'include it. Try again in a moment, or pay the full price: send "without_discounts": true.'
)


async def reserve(payments: Payments, order: Order, method: str, token: str) -> Order:
    """The order with the breakdown, the discount and the reservation of what loyalty takes off; not saved.

    `token` is the driver's own access token. Call it outside of any transaction: it asks loyalty, each time anew, and a
    later reservation of an order takes the place of the one before. Where nothing is taken off, nothing is reserved.
    Raises Problem 409 `reservation-refused`, `loyalty-away`.
    """
    try:
        if payments.loyalty is None:
            raise LoyaltyAway("there is none")
        answer = await payments.loyalty.reserve(_request(order, method), token)
    except LoyaltyAway as error:
        log.warning("loyalty is away", extra={"error": str(error)})
        raise Problem(409, "loyalty-away", AWAY, headers={"Retry-After": "5"}) from None
    except ReservationRefused as error:
        refusals = [one.model_dump() for one in error.refusals]
        detail = " ".join(one.detail for one in error.refusals)
        raise Problem(409, "reservation-refused", detail, refusals=refusals) from None
    if not answer.breakdown:
        return without(order)
    parts = tuple(part.model_dump(mode="json") for part in answer.breakdown)
    discount = sum(part.amount_minor for part in answer.breakdown)
    return replace(order, breakdown=parts, discount_minor=discount, reservation_id=answer.reservation_id)


def without(order: Order) -> Order:
    """The order at its full price."""
    return replace(order, breakdown=(), discount_minor=0, reservation_id=None)


async def release(payments: Payments, reservation_id: UUID | None, token: str) -> None:
    """Gives back what was set aside, as soon as nothing will be charged. Where loyalty is away it expires by itself."""
    if reservation_id is None or payments.loyalty is None:
        return
    try:
        await payments.loyalty.release(reservation_id, token)
    except LoyaltyAway as error:
        log.warning("a reservation is left to expire", extra={"error": str(error)})


def _request(order: Order, method: str) -> ReservationRequest:
    return ReservationRequest(
        reservation_id=new_id(), order_id=order.order_id, driver_id=order.driver_id, station_id=order.station_id,
        operator=order.operator, fuel=order.fuel, price_mills=order.price_mills, volume_ml=order.volume_ml or 0,
        gross_minor=order.gross_minor or 0, currency=order.currency, method=method,
        coupon_ids=list(order.coupon_ids), points=order.points,
    )  # fmt: skip
