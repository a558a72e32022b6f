"""What a fuel card paid goes back to it: refunds, and what a prepaid pump did not give."""

from datetime import UTC, datetime
from typing import Any

from payments.domain.ledger import Account, AccountKind, Balance
from payments.domain.order_words import Mode
from payments.domain.orders import Order
from payments.repository import ledger, orders
from payments.use_cases import capturing
from payments.use_cases.ledger import trial_balance
from servicekit.ids import new_id

from .conftest import Payments
from .station_kit import any_order, stored
from .test_card_payments import GROSS, Payer


async def test_a_refund_is_on_the_card_at_once(payments: Payments) -> None:
    payer = await Payer.with_money(payments, 100_000)
    order = await payer.order()
    assert (await payer.pay(order.order_id)).status_code == 200
    head = payments.staff("refunds:write", sub=str(new_id()))
    for body, left in (({"amount_minor": 1_000}, GROSS - 1_000), ({"whole": True}, 0)):
        answer = await payments.client.post(
            f"/v1/orders/{order.order_id}/refunds", json=body | {"reason": "goodwill"},
            headers=head | {"Idempotency-Key": str(new_id())},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        assert await payer.balance() == Balance(100_000 - left, 0)
    assert await payments.sql("SELECT status FROM orders") == "refunded"
    assert (await trial_balance(payments.process)).is_balanced


async def test_what_a_prepaid_pump_did_not_give_is_on_the_card_again(payments: Payments) -> None:
    payer = await Payer.with_money(payments, 50_000)
    order = await stored(payments, any_order(
        payer.station_id, driver_id=payer.driver_id, mode=Mode.PREPAID, requested_minor=20_000
    ))  # fmt: skip
    assert (await payer.pay(order.order_id)).status_code == 200

    async def dispense(tx: Any) -> Order:
        locked = await orders.lock(tx, order.order_id)
        assert locked is not None
        return await capturing.settle_dispense(payments.process, tx, locked, 10_000, "test", datetime.now(UTC))

    await payments.store.transact(dispense)
    assert await payer.balance() == Balance(50_000 - 7_850, 0)
    async with payments.store.connection() as connection:
        station = await ledger.balance(connection, Account(AccountKind.STATION, str(payer.station_id), "CNY"))
        deposit = await ledger.balance(connection, Account(AccountKind.DEPOSIT, str(order.order_id), "CNY"))
    assert (station.posted_minor, deposit.posted_minor) == (7_850, 0)
    assert (await trial_balance(payments.process)).is_balanced
