"""Paying with a fuel card: at once after fuelling, or as a hold or a deposit before it.

A payment reads once, decides, and is written once, with whoever else pays in that moment (see group_commit): two round
trips to the database. What it was decided on is compared when it is written; where that has changed it decides again.
"""

from datetime import UTC, datetime, timedelta

from payments.domain.card_charges import METHOD, Charge, Outcome, purchase_of
from payments.domain.cards import Card, refusal_of
from payments.domain.charging import UNDER_WAY, amount_to_pay, paid
from payments.domain.exceptions import Kind
from payments.domain.ledger import Hold, HoldStatus, InsufficientFunds, Transfer
from payments.domain.order_words import Mode
from payments.domain.orders import Order
from payments.domain.payment_views import payment_view
from payments.repository import card_payments as repository
from payments.repository import cards, ledger, orders
from payments.repository.card_payments import Loaded
from payments.use_cases import transfers
from payments.use_cases.cards import owned, plate_matches, problem_of
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import raise_exception
from payments.use_cases.order_access import owned_order
from payments.use_cases.paying import NOTHING_TO_PAY, Payment, as_asked, begin_payment, make_way
from payments.use_cases.reserving import with_discounts
from servicekit.erasures import account_gone
from servicekit.idempotency import Reply, patiently, replay
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

TRIES = 10
"""Of one payment, each time that somebody else was quicker."""
HOLD_LIFE = timedelta(days=7)
"""A station that was offline reports late. The order's own timeouts release what was not used long before."""


async def pay(payments: Payments, payment: Payment) -> Reply:
    """The reply, the same for all who ask with the same key.

    Raises Problem 401, 402 `insufficient-funds`, 404, 409 `card-limit` and others of domain.cards.refusal_of,
    `payment-in-progress`, those of `reserving.with_discounts`, and InvalidTransition.
    """
    return await patiently(lambda: _pay(payments, payment))


async def _pay(payments: Payments, payment: Payment) -> Reply:
    loaded = await _load(payments, payment)
    if loaded.first_reply is not None:
        return replay(loaded.first_reply, payment.request)
    order = owned_order(loaded.order, payment.driver_id)
    if order.status in UNDER_WAY:
        order = await make_way(payments, order, METHOD)
        loaded = await _load(payments, payment)
    order = as_asked(order, payment)
    return await with_discounts(
        payments, order, METHOD, payment.token, lambda reserved: _charge(payments, payment, loaded, reserved),
        in_full=payment.without_discounts,
    )  # fmt: skip


async def _load(payments: Payments, payment: Payment) -> Loaded:
    """Raises Problem 401 where the driver is gone."""
    if payment.card_id is None:
        raise LookupError("a payment with a fuel card names the card")
    async with payments.store.connection() as connection:
        loaded = await repository.load(
            connection, payment.request, payment.order_id, payment.card_id, datetime.now(UTC)
        )  # fmt: skip
    if loaded.is_gone:
        raise account_gone()
    return loaded


async def _charge(payments: Payments, payment: Payment, loaded: Loaded, reserved: Order) -> Reply:
    """Decides and writes, until nobody else was quicker."""
    for _ in range(TRIES):
        if loaded.order is None or loaded.order.version != reserved.version:
            raise orders.changed_meanwhile()
        charge = _decide(payments, payment, loaded, reserved)
        reply = Reply(200, payment.show(charge.order, payment_view(charge.order)))
        written = await payments.card_charges.submit(repository.entry_of(charge, payment.request, reply))
        match written.outcome:
            case Outcome.DONE:
                return reply
            case Outcome.AGAIN:
                return replay(written.first_reply, payment.request)
            case Outcome.GONE:
                raise account_gone()
            case Outcome.CHANGED | Outcome.INSUFFICIENT:
                loaded = await _load(payments, payment)
                if loaded.first_reply is not None:
                    return replay(loaded.first_reply, payment.request)
                if loaded.order and not reserved.reservation_id:
                    reserved = as_asked(loaded.order, payment)
    raise cards.changed_meanwhile()


def _decide(payments: Payments, payment: Payment, loaded: Loaded, reserved: Order) -> Charge:
    at = datetime.now(UTC)
    card = owned(loaded.card, payment.driver_id)
    amount = amount_to_pay(reserved)
    purchase = purchase_of(reserved, amount, at, plate_matches=plate_matches(payments, card, payment.plate))
    begun = begin_payment(reserved, METHOD if amount else NOTHING_TO_PAY, at, card.card_id if amount else None)
    step = paid(begun.order, METHOD if amount else NOTHING_TO_PAY, payment.driver_id, at)
    if amount == 0:
        transfer = transfers.paid_by_discounts(step.order) if reserved.discount_minor else None
        return Charge(reserved.version, (begun, step), 0, None, purchase, transfer)
    if refusal := refusal_of(card, loaded.usage, purchase, reserved.currency):
        raise problem_of(refusal)
    if (available := loaded.balance.available_minor) < amount:
        raise _insufficient(card, amount, available)
    transfer, hold = _moves(step.order, card, amount, at)
    return Charge(reserved.version, (begun, step), amount, card, purchase, transfer, hold)


def _moves(order: Order, card: Card, amount_minor: int, at: datetime) -> tuple[Transfer | None, Hold | None]:
    """How the money leaves the card: for good, or set aside until the pump has said how much it gave."""
    if order.mode is Mode.PRE_AUTH:
        return None, Hold(new_id(), card.account, amount_minor, _hold_key(order), at + HOLD_LIFE, order.order_id)
    return transfers.paid_by_card(order, card.account), None


def _insufficient(card: Card, amount_minor: int, available_minor: int) -> Problem:
    """What is on a company's account is not its drivers' to see."""
    text = "There is not enough money on this card; recharge it, or pay otherwise."
    if card.company_id is not None:
        return Problem(402, "insufficient-funds", text, asked_minor=amount_minor)
    return Problem(
        402, "insufficient-funds", text, asked_minor=amount_minor, available_minor=available_minor,
        missing_minor=amount_minor - available_minor,
    )  # fmt: skip


async def capture(tx: Connection, order: Order, amount_minor: int, at: datetime) -> None:
    """Takes so much of what was held on the order's card; the rest is its driver's again.

    A hold that is over, because the station reported after a week, is no hold: where the money is gone, people decide.
    """
    held = await ledger.settle_hold(tx, _hold_key(order), HoldStatus.POSTED)
    card = await _card_of(tx, order)
    if amount_minor == 0:
        await cards.forget_use(tx, order.order_id)
        return
    await cards.record_use(tx, card.card_id, order.order_id, at, amount_minor, order.volume_ml or 0)
    try:
        async with tx.transaction():
            await ledger.post(tx, [transfers.captured_from(order, card.account, amount_minor)])
    except InsufficientFunds:
        await raise_exception(
            tx, Kind.MISMATCH, order=order, key=f"not_captured|{order.order_id}",
            details={"amount_minor": amount_minor, "held_minor": held or 0, "currency": order.currency},
        )  # fmt: skip


async def release(tx: Connection, order: Order) -> None:
    """Gives back all that was held on the order's card."""
    await ledger.settle_hold(tx, _hold_key(order), HoldStatus.VOIDED)
    await cards.forget_use(tx, order.order_id)


async def _card_of(tx: Connection, order: Order) -> Card:
    card = await cards.find(tx, order.card_id) if order.card_id else None
    if card is None:
        raise LookupError(f"the order {order.order_id} was authorised with no card that is known")
    return card


def _hold_key(order: Order) -> str:
    return f"hold|{order.order_id}"
