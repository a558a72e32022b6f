"""A driver's bill of a month."""

from collections.abc import Sized
from datetime import UTC, datetime

from payments.domain import bills as domain
from payments.domain.bills import MAX_LINES, BadMonth, Bill
from payments.repository import bills as repository
from payments.use_cases.context import Payments
from servicekit.problems import Problem


async def read_bill(payments: Payments, driver_id: str, month: str, time_zone: str) -> Bill:
    """The bill, all of it as it is at one moment. Raises Problem 409, 422."""
    try:
        chosen = domain.month_of(month, time_zone)
    except BadMonth as error:
        raise Problem(422, "bad-month", str(error)) from error
    span = (driver_id, chosen.starts_at, chosen.ends_at)
    async with (
        payments.store.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        fills = await repository.fills(connection, *span, MAX_LINES + 1)
        refunds = await repository.refunds(connection, *span, MAX_LINES + 1)
        recharges = await repository.recharges(connection, *span, MAX_LINES + 1)
        cards = await repository.cards(connection, *span)
    _require_bounded(fills, refunds, recharges)
    return domain.bill_of(chosen, datetime.now(UTC), fills, refunds, recharges, cards)


def _require_bounded(*lines: Sized) -> None:
    if any(len(some) > MAX_LINES for some in lines):
        detail = f"A bill has at most {MAX_LINES:,} lines of a kind; read this month page by page at GET /v1/records."
        raise Problem(409, "bill-too-long", detail)
