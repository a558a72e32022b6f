"""Money that was set aside before fuelling: what was dispensed becomes the station's, the rest goes back."""

from datetime import datetime

from payments.domain import charging
from payments.domain.card_charges import METHOD
from payments.domain.exceptions import Kind
from payments.domain.money import volume_for
from payments.domain.order_words import Command, Mode
from payments.domain.orders import Order, advance
from payments.domain.refunds import RefundReason
from payments.repository import ledger, orders
from payments.use_cases import card_payments, refunds, transfers
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import ITSELF, raise_exception
from servicekit.postgres import Connection


async def settle_dispense(
    payments: Payments, tx: Connection, order: Order, volume_ml: int, actor: str, at: datetime
) -> Order:
    """The order after the pump has given so much for money that was authorised or paid before: saved, with its money.

    At most what was set aside is taken: what the pump gave above it is an exception, for people to decide. The
    transaction has locked the order. Raises InvalidTransition.
    """
    step = charging.dispensed(order, volume_ml, actor, at)
    await orders.save(tx, [step])
    given = step.order
    over = (given.gross_minor or 0) - (order.authorised_minor or order.paid_minor)
    if over > 0:
        await _tell_over(tx, given, over)
    if order.mode is Mode.PREPAID:
        return await _settle_prepaid(payments, tx, order, given, volume_ml, at)
    return await _capture(payments, tx, given, at)


async def release(
    payments: Payments, tx: Connection, order: Order, command: Command, actor: str, at: datetime, reason: str
) -> Order:
    """The authorised order, ended by CANCEL or EXPIRE before the pump gave anything: all goes back. It is saved.

    The transaction has locked the order. Raises InvalidTransition.
    """
    step = advance(order, command, actor, at, reason=reason, details={"reason": reason})
    await orders.save(tx, [step])
    if order.method == METHOD:
        await card_payments.release(tx, order)
    else:
        await refunds.release_rest(tx, order, order.authorised_minor, at)
    return step.order


async def _capture(payments: Payments, tx: Connection, given: Order, at: datetime) -> Order:
    amount = min(given.gross_minor or 0, given.authorised_minor)
    paid = advance(given, Command.PAY, ITSELF, at, paid_minor=amount)
    completed = advance(paid.order, Command.COMPLETE, ITSELF, at)
    await orders.save(tx, [paid, completed])
    if given.method == METHOD:
        await card_payments.capture(tx, given, amount, at)
        return completed.order
    if amount:
        await ledger.post(tx, [transfers.captured(given, amount)])
    if rest := given.authorised_minor - amount:
        await refunds.release_rest(tx, given, rest, at)
    return completed.order


async def _settle_prepaid(
    payments: Payments, tx: Connection, order: Order, given: Order, volume_ml: int, at: datetime
) -> Order:
    earned = min(order.paid_minor, charging.earned_of_prepaid(order, volume_ml))
    if earned:
        await ledger.post(tx, [transfers.captured(given, earned)])
    if earned == order.paid_minor:
        return given
    missing = volume_for(order.paid_minor, order.price_mills, order.currency) - volume_ml
    await refunds.refund(
        payments, tx, given, amount_minor=order.paid_minor - earned, reason=RefundReason.UNDER_DISPENSED,
        requested_by=ITSELF, volume_ml=missing,
    )  # fmt: skip
    return await orders.find(tx, order.order_id) or given


async def _tell_over(tx: Connection, given: Order, over_minor: int) -> None:
    await raise_exception(
        tx, Kind.OVER_DISPENSED, order=given, key=f"over_dispensed|{given.order_id}",
        details={
            "volume_ml": given.volume_ml, "gross_minor": given.gross_minor, "over_minor": over_minor,
            "covered_minor": given.authorised_minor or given.paid_minor, "currency": given.currency,
        },
    )  # fmt: skip
