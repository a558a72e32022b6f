"""The inside reconciliation finds what breaks each of its rules, once, and says when it is gone."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from payments.domain.ledger import Account, AccountKind, Hold, Posting, Transfer, TransferKind
from payments.domain.order_words import Mode, Status
from payments.domain.orders import Order
from payments.domain.reconciliation import Outcome
from payments.repository import ledger
from payments.repository.checks import CHECKS
from payments.use_cases import reconciliation_inside as inside
from servicekit.ids import new_id

from .conftest import Payments
from .station_kit import any_order, charged, paid_and_booked, refunded, stored

NOW = datetime.now(UTC)


async def run(payments: Payments) -> Outcome:
    outcome = await inside.run_now(payments.process, "test")
    assert outcome is not None
    return outcome


async def post(payments: Payments, kind: TransferKind, key: str, subject: UUID, *postings: Posting) -> None:
    transfer = Transfer(new_id(), kind, key, postings, subject)
    await payments.store.transact(lambda tx: ledger.post(tx, [transfer]))


def station(order: Order) -> Account:
    return Account(AccountKind.STATION, str(order.station_id), "CNY")


PROVIDER = Account(AccountKind.PROVIDER, "wechat", "CNY")
SUSPENSE = Account(AccountKind.SUSPENSE, "wechat", "CNY")


async def order_and_ledger(payments: Payments, order: Order) -> None:
    await payments.sql("UPDATE orders SET paid_minor = paid_minor + 1 WHERE order_id = $1", order.order_id)


async def transfer_without_order(payments: Payments, order: Order) -> None:
    await post(payments, TransferKind.CAPTURE, "capture|x", new_id(), Posting(SUSPENSE, -5), Posting(station(order), 5))


async def charge_and_ledger(payments: Payments, order: Order) -> None:
    await payments.sql("UPDATE attempts SET amount_minor = amount_minor + 1 WHERE purpose_id = $1", order.order_id)


async def charge_without_use(payments: Payments, order: Order) -> None:
    attempt_id = await charged(payments, order, order.paid_minor)
    await post(
        payments, TransferKind.LATE_PAYMENT, f"odd|{attempt_id}", order.order_id, Posting(PROVIDER, -order.paid_minor),
        Posting(SUSPENSE, order.paid_minor),
    )  # fmt: skip


async def refund_and_ledger(payments: Payments, order: Order) -> None:
    refund_id = await refunded(payments, order, 50)
    await payments.sql("UPDATE refunds SET status = 'failed' WHERE refund_id = $1", refund_id)
    await post(  # what the ledger has of it still agrees with the rest
        payments, TransferKind.REVERSAL, "reversal", order.order_id, Posting(station(order), 50), Posting(PROVIDER, -50)
    )
    await payments.sql("UPDATE orders SET refunded_minor = 0 WHERE order_id = $1", order.order_id)


async def order_and_refunds(payments: Payments, order: Order) -> None:
    await payments.sql("UPDATE orders SET refunded_minor = 1 WHERE order_id = $1", order.order_id)


async def deposit_left(payments: Payments, order: Order) -> None:
    order = await stored(
        payments,
        any_order(
            order.station_id, pump_id="3", mode=Mode.PRE_AUTH, method="wechat", status=Status.CANCELLED,
            authorised_minor=70,
        ),
    )  # fmt: skip
    attempt_id = await charged(payments, order, 70)
    deposit = Account(AccountKind.DEPOSIT, str(order.order_id), "CNY")
    await post(
        payments, TransferKind.DEPOSIT, f"payment|{attempt_id}", order.order_id, Posting(PROVIDER, -70),
        Posting(deposit, 70),
    )  # fmt: skip


async def hold_of(payments: Payments, order: Order) -> None:
    card = Account(AccountKind.CARD, "c", "CNY")
    await post(payments, TransferKind.RECHARGE, "r", new_id(), Posting(SUSPENSE, -100), Posting(card, 100))
    hold = Hold(new_id(), card, 60, "hold", datetime.now(UTC) + timedelta(hours=1), order.order_id)
    await payments.store.transact(lambda tx: ledger.hold(tx, hold))


async def hold_missing(payments: Payments, order: Order) -> None:
    await stored(
        payments,
        any_order(
            order.station_id, pump_id="2", mode=Mode.PRE_AUTH, status=Status.AUTHORISED, method="fuel_card",
            authorised_minor=60,
        ),
    )  # fmt: skip


async def late_payment_kept(payments: Payments, order: Order) -> None:
    order = await stored(payments, any_order(order.station_id, pump_id="3", status=Status.CANCELLED))
    attempt_id = await charged(payments, order, 70)
    await payments.sql("UPDATE attempts SET status = 'closed' WHERE attempt_id = $1", attempt_id)
    await post(
        payments, TransferKind.LATE_PAYMENT, f"payment|{attempt_id}", order.order_id, Posting(SUSPENSE, 70),
        Posting(Account(AccountKind.PROMOTION, "x", "CNY"), -70),
    )  # fmt: skip


async def order_stuck(payments: Payments, order: Order) -> None:
    stuck = await stored(payments, any_order(order.station_id, pump_id="3", status=Status.PAYING))
    await payments.sql("ALTER TABLE order_steps DISABLE TRIGGER USER")
    await payments.sql(
        "UPDATE order_steps SET at = at - interval '3 hours' WHERE order_id = $1", stuck.order_id
    )  # fmt: skip


async def balance(payments: Payments, _: Order) -> None:
    await payments.sql(
        """INSERT INTO balance_deltas (account_id, amount_minor)
           SELECT account_id, 1 FROM accounts WHERE kind = 'station'"""
    )


async def trial_balance(payments: Payments, order: Order) -> None:
    async with payments.store.connection() as connection, connection.transaction():
        await connection.execute("ALTER TABLE postings DISABLE TRIGGER balanced")
        await connection.execute(
            """INSERT INTO postings (transfer_id, account_id, currency, amount_minor)
               SELECT transfer_id, $1, 'CNY', 1 FROM transfers LIMIT 1""",
            SUSPENSE.id,
        )
        await connection.execute("INSERT INTO balance_deltas VALUES ($1, 1)", SUSPENSE.id)
        await connection.execute("ALTER TABLE postings ENABLE ALWAYS TRIGGER balanced")


BREAKS: dict[str, Callable[[Payments, Order], Awaitable[Any]]] = {
    "order_and_ledger": order_and_ledger, "transfer_without_order": transfer_without_order,
    "charge_and_ledger": charge_and_ledger, "charge_without_use": charge_without_use,
    "refund_and_ledger": refund_and_ledger, "order_and_refunds": order_and_refunds, "deposit_left": deposit_left,
    "hold_left": hold_of, "hold_missing": hold_missing, "late_payment_kept": late_payment_kept,
    "order_stuck": order_stuck, "balance": balance, "trial_balance": trial_balance,
}  # fmt: skip


@pytest.mark.parametrize("check", [check.name for check in CHECKS])
async def test_each_check_finds_what_breaks_its_rule(payments: Payments, check: str) -> None:
    order = await paid_and_booked(payments, await payments.station())
    assert await run(payments) == Outcome()
    await BREAKS[check](payments, order)
    outcome = await run(payments)
    assert outcome.open == {check: 1}
    assert outcome.found == 1


async def test_a_difference_is_one_ticket_until_it_is_gone(payments: Payments) -> None:
    order = await paid_and_booked(payments, await payments.station())
    await order_and_ledger(payments, order)
    outcomes = [await run(payments) for _ in range(2)]
    assert [(one.open, one.found, one.gone) for one in outcomes] == [
        ({"order_and_ledger": 1}, 1, 0), ({"order_and_ledger": 1}, 0, 0)
    ]  # fmt: skip
    (ticket,) = await payments.rows("SELECT * FROM tickets")
    assert ticket["station_id"] == order.station_id
    assert '"ledger_minor": 23550' in ticket["evidence"]
    await order_and_ledger(payments, order)  # and now it is another difference
    assert (await run(payments)).found == 0
    await payments.sql("UPDATE orders SET paid_minor = paid_minor - 2 WHERE order_id = $1", order.order_id)
    assert await run(payments) == Outcome(gone=1)
    await order_and_ledger(payments, order)
    assert (await run(payments)).found == 1
    steps = await payments.rows("SELECT step, actor FROM ticket_steps ORDER BY position")
    assert [one["step"] for one in steps] == ["found", "changed", "gone", "back"]
    assert await payments.sql("SELECT count(*) FROM tickets") == 1


async def test_a_reconciliation_changes_no_money(payments: Payments) -> None:
    order = await paid_and_booked(payments, await payments.station())
    await order_and_ledger(payments, order)
    before = await payments.rows("SELECT * FROM postings ORDER BY posting_id"), await payments.rows("TABLE orders")
    await run(payments)
    assert before == (
        await payments.rows("SELECT * FROM postings ORDER BY posting_id"), await payments.rows("TABLE orders")
    )  # fmt: skip
