"""What providers told us: confirmed by asking them, for a notification alone is never believed (design rule 12)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from payments.domain.attempts import AttemptStatus, pause_seconds
from payments.domain.exceptions import Kind
from payments.domain.refunds import RefundStatus
from payments.repository import attempts
from payments.repository import notifications as repository
from payments.repository.notifications import Stored
from payments.use_cases import refund_work
from payments.use_cases.attempts import look
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import raise_exception
from servicekit.postgres import Connection


async def process(payments: Payments, told: Stored) -> None:
    """Confirms what it says with the provider, whose answer alone has an effect; later again where there is none."""
    confirmed = await (_confirm_payment if told.kind == "payment" else _confirm_refund)(payments, told)
    at = datetime.now(UTC)
    if confirmed:
        await payments.store.transact(lambda tx: repository.mark_processed(tx, told.notification_id, at))
    else:
        later = at + timedelta(seconds=pause_seconds(told.looks))
        await payments.store.transact(lambda tx: repository.look_again(tx, told.notification_id, later))


async def _confirm_payment(payments: Payments, told: Stored) -> bool:
    attempt_id = _id_of(told.number)
    async with payments.store.connection() as connection:
        attempt = await attempts.find(connection, attempt_id) if attempt_id else None
    if attempt is not None:
        return attempt.status is AttemptStatus.SUCCEEDED or await look(payments, attempt)
    await payments.store.transact(lambda tx: _nobodys(tx, told))
    return True


async def _confirm_refund(payments: Payments, told: Stored) -> bool:
    refund = await refund_work.find_by_number(payments, told.number)
    if refund is None:
        await payments.store.transact(lambda tx: _nobodys(tx, told))
        return True
    return refund.status is not RefundStatus.PENDING or await refund_work.carry_on(payments, refund, is_new=False)


async def _nobodys(tx: Connection, told: Stored) -> None:
    """Our merchant, good signature, and a number that we never gave: somebody else uses the merchant, or we lost it."""
    await raise_exception(
        tx, Kind.UNKNOWN_PAYMENT, key=f"unknown_payment|{told.provider}|{told.number}",
        details={"provider": told.provider, "kind": told.kind, "number": told.number},
    )  # fmt: skip


def _id_of(number: str) -> UUID | None:
    try:
        return UUID(hex=number)
    except ValueError:
        return None
