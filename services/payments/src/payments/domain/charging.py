"""What an order asks the payer for, and what it becomes when that is there. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from payments.domain.money import amount_of, volume_for
from payments.domain.order_words import Command, Mode, Status
from payments.domain.orders import Order, Step, advance

UNDER_WAY = frozenset({Status.PAYING, Status.UNKNOWN})
"""A payment is under way."""


def amount_to_pay(order: Order) -> int:
    """In minor units: what was dispensed less the discount, or what is set aside before fuelling."""
    return order.payable_minor if order.mode is Mode.POST_PAY else order.requested_minor or 0


def paid(order: Order, method: str, actor: str, at: datetime, **changes: Any) -> Step:
    """The step that the money leads to: authorised where what is dispensed will be captured of it, otherwise paid."""
    amount = amount_to_pay(order)
    if order.mode is Mode.PRE_AUTH:
        return advance(order, Command.AUTHORISE, actor, at, method=method, authorised_minor=amount, **changes)
    if order.mode is Mode.PREPAID:
        changes |= {"gross_minor": amount}
    return advance(order, Command.PAY, actor, at, method=method, paid_minor=amount, **changes)


def failed(order: Order, actor: str, at: datetime) -> Step:
    """Nothing was charged: the order is as before, and its coupons and points are free."""
    return advance(
        order, Command.FAIL_PAYMENT, actor, at, method=None, card_id=None, discount_minor=0, breakdown=(),
        reservation_id=None,
    )  # fmt: skip


def earned_of_prepaid(order: Order, volume_ml: int) -> int:
    """What the station earned of an amount paid before: all, where the pump gave all that the amount buys."""
    if volume_ml >= volume_for(order.paid_minor, order.price_mills, order.currency):
        return order.paid_minor
    return amount_of(volume_ml, order.price_mills, order.currency)


def dispensed(order: Order, volume_ml: int, actor: str, at: datetime) -> Step:
    """The pump has given it: the volume, and the amount at the pump price.

    What is over the money that was set aside is a part of the breakdown, so that the parts still add up.
    """
    gross = amount_of(volume_ml, order.price_mills, order.currency)
    covered = order.authorised_minor or order.paid_minor
    if (over := gross - covered) > 0 and order.mode is Mode.PRE_AUTH:
        part = {"kind": "over_dispensed", "reason": "More than was authorised", "amount_minor": over}
        order = replace(order, breakdown=(*order.breakdown, part))
    return advance(order, Command.DISPENSE, actor, at, volume_ml=volume_ml, gross_minor=gross)
