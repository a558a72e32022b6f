"""Coupons and points of what a fuel card pays: the card pays the rest, and nothing stays reserved where it cannot."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from payments.domain.ledger import Account, AccountKind, Balance
from payments.providers.loyalty import Loyalty, LoyaltySettings
from payments.repository import ledger
from payments.use_cases.ledger import trial_balance

from .card_kit import counted_statements
from .conftest import Payments
from .test_card_payments import GROSS, Payer, slug_of
from .test_discounts import OFF, LoyaltyService


@pytest.fixture
async def service(payments: Payments) -> AsyncIterator[LoyaltyService]:
    """Loyalty, and the running payments knows where it is."""
    service = LoyaltyService()
    runner = web.AppRunner(service.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Loyalty(LoyaltySettings(url=f"http://127.0.0.1:{runner.addresses[0][1]}")) as loyalty:
        payments.process.loyalty = loyalty
        yield service
    await runner.cleanup()


async def posted(payments: Payments, kind: AccountKind, owner: str) -> int:
    async with payments.store.connection() as connection:
        return (await ledger.balance(connection, Account(kind, owner, "CNY"))).posted_minor


async def test_a_card_pays_what_a_coupon_leaves(payments: Payments, service: LoyaltyService) -> None:
    payer = await Payer.with_money(payments, 100_000)
    order = await payer.order(coupon_ids=("c1",))
    answer = await payer.pay(order.order_id)
    assert answer.status_code == 200, answer.text
    shown = answer.json()["order"]
    assert (shown["discount_minor"], shown["paid_minor"], shown["gross_minor"]) == (OFF, GROSS - OFF, GROSS)
    assert await payer.balance() == Balance(100_000 - GROSS + OFF, 0)
    assert await posted(payments, AccountKind.STATION, str(payer.station_id)) == GROSS
    assert await posted(payments, AccountKind.PROMOTION, "loyalty") == -OFF
    reserved = await payments.sql("SELECT reservation_id FROM orders")
    assert (str(reserved), service.released) == (service.held[str(order.order_id)], [])
    assert (await trial_balance(payments.process)).is_balanced


async def test_what_was_reserved_is_given_back_where_the_card_cannot_pay(
    payments: Payments, service: LoyaltyService
) -> None:
    payer = await Payer.with_money(payments, 100)
    order = await payer.order(coupon_ids=("c1",))
    answer = await payer.pay(order.order_id)
    assert (answer.status_code, slug_of(answer)) == (402, "insufficient-funds")
    assert service.released == [service.held[str(order.order_id)]]
    assert await payments.sql("SELECT status FROM orders") == "confirmed"


async def test_nothing_is_asked_of_the_card_where_points_pay_all(payments: Payments, service: LoyaltyService) -> None:
    payer = await Payer.with_money(payments, 100)
    order = await payer.order()
    answer = await payer.pay(order.order_id, points=GROSS)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["order"]["method"], answer.json()["order"]["card_id"]) == ("none", None)
    assert await payer.balance() == Balance(100, 0)
    assert await payments.sql("SELECT count(*) FROM card_uses") == 0
    assert await posted(payments, AccountKind.PROMOTION, "loyalty") == -GROSS
    assert await posted(payments, AccountKind.STATION, str(payer.station_id)) == GROSS


async def test_a_card_pays_in_full_while_loyalty_is_away(payments: Payments, service: LoyaltyService) -> None:
    payer = await Payer.with_money(payments, 100_000)
    order = await payer.order(coupon_ids=("c1",), points=5)
    service.is_away = True
    refused = await payer.pay(order.order_id)
    assert (refused.status_code, slug_of(refused)) == (409, "loyalty-away")
    answer = await payer.pay(order.order_id, without_discounts=True)
    assert (answer.status_code, answer.json()["order"]["paid_minor"]) == (200, GROSS)


async def test_a_campaign_costs_a_card_payment_one_question_and_no_round_trip(
    payments: Payments, service: LoyaltyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the database: one to read and one to write, as without loyalty."""
    service.campaign_minor = 300
    payer = await Payer.with_money(payments, 100_000)
    orders = [await payer.order() for _ in range(2)]
    await payer.pay(orders[0].order_id)
    asked = counted_statements(monkeypatch)
    answer = await payer.pay(orders[1].order_id)
    assert (answer.status_code, answer.json()["order"]["paid_minor"]) == (200, GROSS - 300)
    assert (len(service.held), len(asked)) == (2, 2), asked
