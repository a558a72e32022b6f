"""Refunds: asked for by people or by an order itself, checked under the order's lock, sent by use_cases.refund_work."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from payments.domain import refunds as domain
from payments.domain.attempts import Attempt
from payments.domain.ledger import Account, AccountKind
from payments.domain.order_words import Command, Mode
from payments.domain.orders import Order, Step, advance
from payments.domain.provider_words import Provider
from payments.domain.refunds import Refund, RefundImpossible, RefundPurpose, RefundReason, RefundStatus
from payments.repository import attempts, cards, invoices, ledger, orders
from payments.repository import refunds as repository
from payments.use_cases import transfers
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import ITSELF
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

NOTE_CONTEXT = "refunds.note|{}"
"""Under which a refund's note is sealed, with its id."""


async def refund(
    payments: Payments, tx: Connection, order: Order, *, amount_minor: int | None, reason: RefundReason | str,
    requested_by: str, volume_ml: int | None = None, note: str | None = None, approved_by: str | None = None,
) -> Refund:  # fmt: skip
    """Refunds an order that the transaction has locked; `amount_minor` None: all that is left of what was paid.

    It begins at once, unless two people must agree and `approved_by` names no second one. A refund to a card is there
    when the transaction is. Raises Problem 409 `not-refundable`, InvalidTransition.
    """
    made = await _asked(payments, tx, order, amount_minor, reason, requested_by)
    made = replace(
        made, volume_ml=volume_ml, note=_sealed(payments, made.refund_id, note), approved_by=approved_by,
        approved_at=made.requested_at if approved_by else None,
    )  # fmt: skip
    total = await repository.counted_minor(tx, order.order_id) + made.amount_minor
    worth = order.discount_minor if order.is_paid_by_discounts else total
    limits = payments.settings.refund_approval_minor
    agreed = requested_by == ITSELF or approved_by not in (None, requested_by)
    await repository.insert(tx, made)
    if not agreed and domain.needs_second_person(worth, order.currency, limits):
        return made
    return await start(tx, order, made)


async def start(tx: Connection, order: Order, asked: Refund) -> Refund:
    """Lets a refund begin to which all have agreed; the transaction has locked the order."""
    at = datetime.now(UTC)
    begun = advance(order, Command.BEGIN_REFUND, asked.requested_by, at)
    await orders.save(tx, [begun])
    pending = replace(asked, status=RefundStatus.PENDING, next_look_at=at)
    if pending.attempt_id is not None:
        await repository.update(tx, pending)
        return pending
    return await succeed(tx, begun.order, pending, at)


async def succeed(tx: Connection, order: Order, pending: Refund, at: datetime) -> Refund:
    """The money is back with the driver: books it, and ends what the order waited for.

    The refund by which all is back gives the discount back, too: others undo coupons and points by just that.
    """
    is_last = order.refunded_minor + pending.amount_minor == order.paid_minor
    done = replace(
        pending, status=RefundStatus.SUCCEEDED, settled_at=at, next_look_at=None,
        discount_minor=order.discount_minor if is_last else 0,
    )  # fmt: skip
    await repository.update(tx, done)
    await ledger.post(tx, [transfers.refunded(done, await _destination(tx, done))])
    await orders.save(tx, await ended(tx, order, done, at))
    return done


async def fail(tx: Connection, order: Order, at: datetime) -> None:
    """A refund of the order failed: nothing is on its way any more, unless another one is."""
    if not await _others_pending(tx, order.order_id):
        await orders.save(tx, [advance(order, Command.FAIL_REFUND, ITSELF, at)])


async def release_rest(tx: Connection, order: Order, amount_minor: int, at: datetime) -> None:
    """Sends back what was charged before fuelling and not used; it was never the station's, so nothing was paid."""
    await repository.insert(tx, Refund(
        new_id(), RefundPurpose.RELEASE, order.order_id, order.method or "", AccountKind.DEPOSIT, str(order.order_id),
        amount_minor, order.currency, "not_used", RefundStatus.PENDING, ITSELF, at,
        attempt_id=await _charge_of(tx, order), next_look_at=at,
    ))  # fmt: skip


async def give_back_late(tx: Connection, attempt: Attempt, at: datetime) -> None:
    """Sends back a charge that was paid when nobody asked for it any more; once, however often that is noticed."""
    await repository.insert(tx, Refund(
        new_id(), RefundPurpose.LATE_PAYMENT, attempt.purpose_id, attempt.provider, AccountKind.SUSPENSE,
        attempt.provider, attempt.amount_minor, attempt.currency, "late_payment", RefundStatus.PENDING, ITSELF, at,
        attempt_id=attempt.attempt_id, next_look_at=at,
    ))  # fmt: skip


async def decide(payments: Payments, tx: Connection, refund_id: UUID, by: str, *, agree: bool) -> Refund:
    """A second person agrees to a refund, or does not. The same decision of the same person again changes nothing.

    Raises Problem 403 `second-person-needed`, 409 `already-decided`; whether `by` may decide here is asked before.
    """
    known = await repository.find(tx, refund_id)
    order = await orders.lock(tx, known.purpose_id) if known else None
    asked = await repository.lock(tx, refund_id)
    if order is None or asked is None:
        raise no_such_refund()
    if asked.requested_by == by:
        raise Problem(403, "second-person-needed", "Somebody else than who asked for the refund must decide on it.")
    if asked.approved_by == by and (asked.status is RefundStatus.REJECTED) is not agree:
        return asked
    if asked.status is not RefundStatus.REQUESTED:
        raise Problem(409, "already-decided", f"The refund is {asked.status}; there is nothing to decide.")
    decided = replace(asked, approved_by=by, approved_at=datetime.now(UTC))
    if agree:
        return await start(tx, order, decided)
    rejected = replace(decided, status=RefundStatus.REJECTED, settled_at=decided.approved_at)
    await repository.update(tx, rejected)
    return rejected


def no_such_refund() -> Problem:
    """There is none, or it is a foreign one."""
    return Problem(404, "no-such-refund", "There is no such refund among those that your access token is bound to.")


def missing_fuel(order: Order, volume_ml: int) -> int:
    """What is to be refunded for fuel that was not received. Raises Problem 409 `not-refundable`."""
    try:
        return domain.amount_of_missing(order, volume_ml)
    except RefundImpossible as error:
        raise _not_refundable(error) from None


async def _asked(
    payments: Payments, tx: Connection, order: Order, amount_minor: int | None, reason: str, requested_by: str
) -> Refund:
    counted = await repository.counted_minor(tx, order.order_id)
    try:
        amount = domain.checked_amount(order, counted, amount_minor)
    except RefundImpossible as error:
        raise _not_refundable(error) from None
    is_undispensed = order.mode is Mode.PREPAID and order.completed_at is None
    if is_undispensed and amount != order.paid_minor:
        raise Problem(409, "not-refundable", "Nothing was dispensed yet: refund the whole, or wait for the pump.")
    from_deposit = order.mode is Mode.PREPAID and (is_undispensed or requested_by == ITSELF)
    return Refund(
        new_id(), RefundPurpose.ORDER, order.order_id, order.method or "none",
        AccountKind.DEPOSIT if from_deposit else AccountKind.STATION,
        str(order.order_id if from_deposit else order.station_id), amount, order.currency, reason,
        RefundStatus.REQUESTED, requested_by, datetime.now(UTC), attempt_id=await _charge_of(tx, order),
        card_id=order.card_id,
    )  # fmt: skip


async def _charge_of(tx: Connection, order: Order) -> UUID | None:
    """The charge that paid the order; None where a card did. A late one never did."""
    if order.method not in tuple(Provider):
        return None
    late = {one.attempt_id for one in await repository.of_purpose(tx, order.order_id)
            if one.purpose is RefundPurpose.LATE_PAYMENT}  # fmt: skip
    return next(one.attempt_id for one in await attempts.find_paid(tx, order.order_id) if one.attempt_id not in late)


async def _destination(tx: Connection, done: Refund) -> Account:
    """Where the money goes back to: the account of the card, or what the provider holds for us.

    Where only the discount goes back, that is to who paid it.
    """
    if not done.amount_minor:
        return transfers.promotion_of(done.currency)
    if done.attempt_id is not None:
        return Account(AccountKind.PROVIDER, done.method, done.currency)
    card = await cards.find(tx, done.card_id) if done.card_id else None
    if card is None:
        raise LookupError(f"the refund {done.refund_id} goes back to no charge and no card")
    return card.account


async def ended(tx: Connection, order: Order, done: Refund, at: datetime) -> Sequence[Step]:
    """The steps that tell of it; while another refund is on its way, the order goes on waiting for that.

    The invoice that the order is in is taken back soon.
    """
    await invoices.wake(tx, order.order_id)
    details = {
        "refund_id": str(done.refund_id), "amount_minor": done.amount_minor, "volume_ml": done.volume_ml,
        "method": done.method, "reason": done.reason, "unused": done.source_kind is AccountKind.DEPOSIT,
    }  # fmt: skip
    refunded = order.refunded_minor + done.amount_minor
    step = advance(order, Command.END_REFUND, ITSELF, at, details=details, refunded_minor=refunded)
    if not await _others_pending(tx, order.order_id):
        return [step]
    return [step, advance(step.order, Command.BEGIN_REFUND, ITSELF, at)]


async def _others_pending(tx: Connection, order_id: UUID) -> bool:
    """Called when the refund itself is no longer."""
    others = await repository.of_purpose(tx, order_id)
    return any(one.purpose is RefundPurpose.ORDER and one.status is RefundStatus.PENDING for one in others)


def note_of(payments: Payments, refund: Refund) -> str | None:
    """What the person who asked wrote."""
    if refund.note is None:
        return None
    return payments.ring.open(refund.note, NOTE_CONTEXT.format(refund.refund_id)).decode()


def _sealed(payments: Payments, refund_id: UUID, note: str | None) -> bytes | None:
    return payments.ring.seal(note.encode(), NOTE_CONTEXT.format(refund_id)) if note else None


def _not_refundable(error: RefundImpossible) -> Problem:
    return Problem(409, "not-refundable", str(error))
