"""What each action about an exception does, in the transaction that has locked the exception's order."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from payments.domain import refunds as rules
from payments.domain.attempts import OPEN, AttemptStatus
from payments.domain.exceptions import Action, CannotDecide, Case, Decision
from payments.domain.ledger import AccountKind
from payments.domain.money import amount_of
from payments.domain.order_words import Command, Mode, Status
from payments.domain.orders import FINAL, Order, advance
from payments.domain.refunds import Refund, RefundImpossible, RefundPurpose, RefundStatus
from payments.repository import attempts, ledger, orders
from payments.repository import refunds as refunds_repository
from payments.use_cases import capturing, refunds, transfers
from payments.use_cases.context import Payments
from payments.use_cases.ending import end_order
from payments.use_cases.purposes import PURPOSES
from servicekit.postgres import Connection

WRITTEN_OFF = "written_off"
CASH = "cash"
"""How the station itself gave money back: no provider and no account of the ledger knows of it."""
UNPAID = frozenset({Status.CONFIRMED, Status.ADJUSTED})


@dataclass(frozen=True, slots=True)
class Work:
    """A decision to be carried out."""

    payments: Payments
    tx: Connection
    case: Case
    decision: Decision
    locked_order: Order | None

    @property
    def order(self) -> Order:
        """The order that it is about. Raises CannotDecide."""
        if self.locked_order is None:
            raise CannotDecide("This exception is about no order; nothing can be done to one.")
        return self.locked_order

    def said(self, name: str) -> Any:
        """What the exception's details say. Raises CannotDecide where they do not."""
        value = self.case.details.get(name)
        if value is None:
            raise CannotDecide(f"The exception does not say the {name}; decide by another action.")
        return value


Effect = Callable[[Work], Awaitable[UUID | None]]
"""Does it; the id of the refund that it began. Raises CannotDecide, InvalidTransition, Problem 409."""


async def stake_of(work: Work) -> tuple[int, str] | None:
    """How much money a decision gives away, all that was given away of the same order before included; None: none."""
    match work.decision.action:
        case Action.REFUND_WHOLE | Action.REFUND_AMOUNT | Action.REFUND_DIFFERENCE:
            counted = await refunds_repository.counted_minor(work.tx, work.order.order_id)
            return counted + _possible(work.order, counted, _amount_to_refund(work)), work.order.currency
        case Action.REFUND_PAYMENT:
            return work.said("paid_minor"), work.said("paid_currency")
        case Action.WRITE_OFF:
            return _debt(work), work.order.currency
        case Action.PAID_OTHERWISE:
            refund = await _failed_refund(work)
            return refund.amount_minor, refund.currency
        case _:
            return None


def _possible(order: Order, counted_minor: int, asked_minor: int | None) -> int:
    """What can be refunded of it. Raises CannotDecide."""
    try:
        return rules.checked_amount(order, counted_minor, asked_minor)
    except RefundImpossible as error:
        raise CannotDecide(str(error)) from None


async def _nothing(_: Work) -> None:
    return None


async def _refund(work: Work) -> UUID:
    decision = work.decision
    made = await refunds.refund(
        work.payments, work.tx, work.order, amount_minor=_amount_to_refund(work), reason=decision.reason,
        requested_by=decision.by, approved_by=decision.approved_by,
    )  # fmt: skip
    return made.refund_id


def _amount_to_refund(work: Work) -> int | None:
    """None: all that is left."""
    match work.decision.action:
        case Action.REFUND_AMOUNT:
            return work.decision.amount_minor
        case Action.REFUND_DIFFERENCE:
            order = work.order
            pump = amount_of(work.said("volume_ml"), order.price_mills, order.currency)
            if order.paid_minor <= pump:
                raise CannotDecide(f"The pump's volume costs {pump}, and {order.paid_minor} was paid: nothing is over.")
            return order.paid_minor - pump
        case _:
            return None


async def _mark_dispensed(work: Work) -> None:
    volume_ml = work.decision.volume_ml
    await _settle_with(work, work.said("volume_ml") if volume_ml is None else volume_ml)


async def _settle_with(work: Work, volume_ml: int) -> None:
    """The order's fuel was so much; where money was set aside, it is taken of that."""
    order, by, at = work.order, work.decision.by, work.decision.at
    if order.status in (Status.AUTHORISED, Status.PAID):
        await capturing.settle_dispense(work.payments, work.tx, order, volume_ml, by, at)
        return
    gross_minor = amount_of(volume_ml, order.price_mills, order.currency)
    step = advance(
        order, Command.DISPENSE, by, at, mode=Mode.POST_PAY, volume_ml=volume_ml, gross_minor=gross_minor,
        details={"exception_id": str(work.case.exception_id)},
    )  # fmt: skip
    await orders.save(work.tx, [step])


async def _accept_pump(work: Work) -> None:
    order, decision, volume_ml = work.order, work.decision, work.said("volume_ml")
    if order.dispensed_at is None:
        await _settle_with(work, volume_ml)
        return
    step = advance(
        order, Command.ADJUST, decision.by, decision.at, volume_ml=volume_ml,
        gross_minor=amount_of(volume_ml, order.price_mills, order.currency), reason=decision.reason,
        details={
            "previous_volume_ml": order.volume_ml, "previous_gross_minor": order.gross_minor,
            "reason": decision.reason,
        },
    )  # fmt: skip
    await orders.save(work.tx, [step])


def _debt(work: Work) -> int:
    order = work.order
    if order.status in UNPAID:
        return order.payable_minor
    if order.status in FINAL:
        return amount_of(work.said("volume_ml"), order.price_mills, order.currency)
    raise CannotDecide(f"The order is {order.status}: there is no debt to give up.")


async def _write_off(work: Work) -> None:
    _debt(work)
    if work.order.status in UNPAID:
        await end_order(
            work.payments, work.tx, work.order, Command.REJECT, work.decision.by, work.decision.at, WRITTEN_OFF
        )


async def _ask_now(work: Work) -> None:
    attempt = await attempts.lock(work.tx, UUID(work.said("attempt_id")))
    if attempt is None or attempt.status not in OPEN:
        raise CannotDecide("The provider has said the last word about this charge already.")
    await attempts.update(work.tx, attempt.attempt_id, attempt.status, next_look_at=work.decision.at)


async def _refund_payment(work: Work) -> None:
    """What was paid is noted as it is, waits in suspense, and goes back; whoever waited for it can pay anew."""
    tx, at = work.tx, work.decision.at
    attempt_id, paid_minor = UUID(work.said("attempt_id")), work.said("paid_minor")
    known = await attempts.find(tx, attempt_id)
    if known is None:
        raise CannotDecide("There is no such charge.")
    purpose = PURPOSES[known.purpose]
    subject = await purpose.lock(tx, known.purpose_id)
    attempt = await attempts.lock(tx, attempt_id)
    if (
        attempt is None
        or attempt.status is not AttemptStatus.MISMATCH
        or work.said("paid_currency") != attempt.currency
    ):
        raise CannotDecide("The charge is no longer one that was paid with another amount of its currency.")
    await attempts.set_amount(tx, attempt_id, paid_minor)
    await attempts.update(tx, attempt_id, AttemptStatus.SUCCEEDED, next_look_at=None, paid_at=at)
    paid = replace(attempt, amount_minor=paid_minor)
    await ledger.post(tx, [transfers.came_late(paid)])
    await refunds.give_back_late(tx, paid, at)
    if purpose.is_wanted(subject):
        await purpose.fail(tx, subject, at)


async def _decline(work: Work) -> None:
    step = advance(work.order, Command.END_DISPUTE, work.decision.by, work.decision.at)
    await orders.save(work.tx, [step])


async def _failed_refund(work: Work) -> Refund:
    """The refund that failed, locked after its order."""
    refund = await refunds_repository.lock(work.tx, UUID(work.said("refund_id")))
    if refund is None or refund.status is not RefundStatus.FAILED:
        raise CannotDecide("The refund is not one that failed, or it has been begun again.")
    if refund.purpose is RefundPurpose.ORDER:
        counted = await refunds_repository.counted_minor(work.tx, work.order.order_id)
        _possible(work.order, counted, refund.amount_minor)
    return refund


async def _retry(work: Work) -> UUID:
    refund, at = await _failed_refund(work), work.decision.at
    if refund.purpose is RefundPurpose.ORDER:
        await orders.save(work.tx, [advance(work.order, Command.BEGIN_REFUND, work.decision.by, at)])
    pending = replace(refund, status=RefundStatus.PENDING, settled_at=None, next_look_at=at, error=None)
    await refunds_repository.update(work.tx, pending)
    return refund.refund_id


async def _paid_otherwise(work: Work) -> UUID:
    """The driver has the money, and the station keeps what it earned: no account moves."""
    refund, decision = await _failed_refund(work), work.decision
    if refund.purpose is not RefundPurpose.ORDER or refund.source_kind is not AccountKind.STATION:
        raise CannotDecide("This money is not the station's; it can only go back where it came from.")
    begun = advance(work.order, Command.BEGIN_REFUND, decision.by, decision.at)
    done = replace(
        refund, status=RefundStatus.SUCCEEDED, method=CASH, attempt_id=None, card_id=None, discount_minor=0,
        settled_at=decision.at, approved_by=decision.approved_by, error=None,
    )  # fmt: skip
    await refunds_repository.update(work.tx, done)
    await orders.save(work.tx, [begun, *await refunds.ended(work.tx, begun.order, done, decision.at)])
    return refund.refund_id


EFFECTS: Mapping[Action, Effect] = {
    Action.REFUND_WHOLE: _refund, Action.REFUND_AMOUNT: _refund, Action.REFUND_DIFFERENCE: _refund,
    Action.REFUND_PAYMENT: _refund_payment, Action.MARK_DISPENSED: _mark_dispensed, Action.ACCEPT_PUMP: _accept_pump,
    Action.ACCEPT_STATION: _nothing, Action.WAIVE: _nothing, Action.WRITE_OFF: _write_off, Action.ASK_NOW: _ask_now,
    Action.DECLINE: _decline, Action.RETRY: _retry, Action.PAID_OTHERWISE: _paid_otherwise, Action.DISMISS: _nothing,
}  # fmt: skip
