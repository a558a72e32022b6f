"""A driver pays an order: at a provider, where the phone confirms it; or with a fuel card, at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.domain.attempts import Attempt, AttemptStatus
from payments.domain.charging import UNDER_WAY, amount_to_pay
from payments.domain.order_words import Command, Status
from payments.domain.orders import InvalidTransition, Order, Step, advance, allowed_commands
from payments.domain.payment_views import payment_view
from payments.domain.provider_words import Provider
from payments.providers.channel import ProviderAway, ProviderRefused
from payments.repository import attempts as repository
from payments.repository import ledger, orders
from payments.use_cases import attempts, reservations, transfers
from payments.use_cases.attempts import channel_of
from payments.use_cases.context import Payments
from payments.use_cases.order_access import lock_own_order, own_order
from payments.use_cases.payers import payer_of
from payments.use_cases.reserving import with_discounts
from servicekit.idempotency import UNFINISHED, IdempotentRequest, Reply, finish, once, patiently, recall
from servicekit.postgres import Connection
from servicekit.problems import Problem, problem_body

NOTHING_TO_PAY = "none"
"""The method of an order that discounts and points pay wholly."""
Show = Callable[[Order, dict[str, Any]], bytes]
"""The reply's body: the order, and how far its payment is."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Who pays which order how. `coupon_ids` and `points` None: what the order was placed with."""

    driver_id: str
    token: str
    """The driver's own access token: loyalty is asked in the driver's name."""
    order_id: UUID
    method: str
    request: IdempotentRequest
    show: Show
    card_id: UUID | None = None
    coupon_ids: tuple[str, ...] | None = None
    points: int | None = None
    plate: str | None = None
    """The number plate that the driver says, for a card that is for one vehicle."""
    without_discounts: bool = False
    """The driver pays the full price, whatever the order was placed with."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A charge that is stored and that the provider is to be asked for."""

    attempt: Attempt
    payer_id: str


async def pay(payments: Payments, payment: Payment) -> Reply:
    """The reply, the same for all who ask with the same key.

    Raises Problem 404, 409 `payment-in-progress`, `payer-missing`, `method-not-offered`, those of
    `reserving.with_discounts`, and InvalidTransition.
    """
    return await patiently(lambda: _pay_at_provider(payments, payment))


async def _pay_at_provider(payments: Payments, payment: Payment) -> Reply:
    channel_of(payments, Provider(payment.method))
    async with payments.store.connection() as connection:
        # In this order: a payment under way that is not this very request's is another one.
        order = await own_order(connection, payment.driver_id, payment.order_id)
        if (first := await recall(connection, payment.request)) is not None:
            return first
    order = as_asked(await make_way(payments, order, payment.method), payment)
    return await with_discounts(
        payments, order, payment.method, payment.token, lambda reserved: _charge(payments, payment, reserved),
        in_full=payment.without_discounts,
    )  # fmt: skip


def as_asked(order: Order, payment: Payment) -> Order:
    """The order with the coupons and points that the payment asks for."""
    if payment.without_discounts:
        return replace(order, coupon_ids=(), points=0)
    return replace(
        order, coupon_ids=order.coupon_ids if payment.coupon_ids is None else payment.coupon_ids,
        points=order.points if payment.points is None else payment.points,
    )  # fmt: skip


async def make_way(payments: Payments, order: Order, method: str) -> Order:
    """Gives up a charge that waits for its payer at another provider: the driver has chosen anew. The order then.

    Where the charge turns out to be paid, so is the order. Raises Problem 409 `payment-in-progress` where it goes on.
    """
    if order.status not in UNDER_WAY:
        return order
    async with payments.store.connection() as connection:
        attempt = await repository.find_open(connection, order.order_id)
    if attempt is None or attempt.status is not AttemptStatus.WAITING or attempt.provider == method:
        raise _in_progress(order, attempt)
    try:
        await attempts.give_up(payments, attempt)
    except (ProviderAway, ProviderRefused):
        raise _in_progress(order, attempt) from None
    async with payments.store.connection() as connection:
        return await own_order(connection, order.driver_id, order.order_id)


async def _charge(payments: Payments, payment: Payment, reserved: Order) -> Reply:
    """Stores the charge with the key, asks the provider, and puts what came of it into the key's reply."""
    begun: Begun | None = None

    async def store(tx: Connection) -> Reply:
        nonlocal begun
        begun = None

        async def effect() -> Reply:
            nonlocal begun
            order, begun = await _begin(payments, tx, payment, reserved)
            body = payment.show(order, payment_view(order, begun.attempt if begun else None))
            return Reply(UNFINISHED if begun else 200, body)

        return await once(tx, payment.request, effect)

    reply = await payments.store.transact(store)
    if begun is None:
        return reply
    attempt_id = begun.attempt.attempt_id
    await attempts.create(payments, begun.attempt, begun.payer_id, _description(reserved))
    reply = await payments.store.transact(lambda tx: _finish(tx, payment, attempt_id))
    if reply.status != 200:
        await reservations.release(payments, reserved.reservation_id, payment.token)
    return reply


async def _begin(
    payments: Payments, tx: Connection, payment: Payment, reserved: Order
) -> tuple[Order, Begun | None]:  # fmt: skip
    order, at = await lock_own_order(payments, tx, payment.driver_id, payment.order_id), datetime.now(UTC)
    if order.status in UNDER_WAY:
        raise _in_progress(order, await repository.find_open(tx, order.order_id))
    if Command.BEGIN_PAYMENT not in allowed_commands(order):
        raise InvalidTransition(order, Command.BEGIN_PAYMENT)
    if order.version != reserved.version:
        raise orders.changed_meanwhile()
    step = begin_payment(reserved, payment.method, at)
    amount = amount_to_pay(step.order)
    if amount == 0:
        return await _pay_nothing(tx, step, at), None
    payer_id = await payer_of(payments, tx, order.driver_id, Provider(payment.method))
    await orders.save(tx, [step])
    attempt = await attempts.begin(
        payments, tx, "order", order.order_id, order.driver_id, Provider(payment.method), amount, order.currency, at
    )
    return step.order, Begun(attempt, payer_id)


def begin_payment(reserved: Order, method: str, at: datetime, card_id: UUID | None = None) -> Step:
    """The step that begins the payment of an order with its discounts. Raises InvalidTransition."""
    return advance(reserved, Command.BEGIN_PAYMENT, reserved.driver_id, at, method=method, card_id=card_id)


async def _pay_nothing(tx: Connection, begun: Step, at: datetime) -> Order:
    """Coupons and points pay it wholly, or nothing was dispensed."""
    paid = advance(begun.order, Command.PAY, begun.actor, at, method=NOTHING_TO_PAY, paid_minor=0)
    if paid.order.discount_minor:
        await ledger.post(tx, [transfers.paid_by_discounts(paid.order)])
    await orders.save(tx, [begun, paid])
    return paid.order


async def _finish(tx: Connection, payment: Payment, attempt_id: UUID) -> Reply:
    attempt = await repository.find(tx, attempt_id)
    order = await own_order(tx, payment.driver_id, payment.order_id)
    if attempt is not None and attempt.status in (AttemptStatus.FAILED, AttemptStatus.CLOSED):
        reply = Reply(409, problem_body(_refused(payment.method, attempt)))
    else:
        reply = Reply(200, payment.show(order, payment_view(order, attempt)))
    await finish(tx, payment.request, reply)
    return reply


def _description(order: Order) -> str:
    """What the payer reads in the provider's app."""
    return f"Fuel, order {order.order_id.hex[-8:]}"


def _in_progress(order: Order, attempt: Attempt | None) -> Problem:
    what = {
        Status.PAYING: "Confirm it in the app, choose another method, or cancel the order.",
        Status.UNKNOWN: "The provider does not answer; it is asked until it does. Nothing is charged twice: wait.",
    }[order.status]
    return Problem(
        409, "payment-in-progress", f"A payment by {order.method} is under way. {what}",
        order_status=order.status, payment=payment_view(order, attempt),
    )  # fmt: skip


def _refused(method: str, attempt: Attempt) -> Problem:
    return Problem(
        409, "payment-refused", f"{method} did not take the payment, and nothing was charged. Pay again with a new "
        "Idempotency-Key, or choose another method.", code=attempt.error,
    )  # fmt: skip
