"""Paying at a provider: once, whatever the provider does, and only by the provider's own word."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from payments.domain.ledger import AccountKind
from servicekit.ids import new_id

from .conftest import Payments
from .paying_kit import AMOUNT, BOTH, Till, till_of
from .provider_kit import Played, played


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


@pytest.fixture
async def till(payments: Payments, world: Played) -> AsyncIterator[Till]:
    async with till_of(payments, world, *BOTH) as till:
        yield till


@pytest.mark.parametrize("method", BOTH)
async def test_an_order_is_paid_when_the_provider_says_so(till: Till, method: str) -> None:
    order = await till.order()
    reply = await till.pay(order, method)
    assert reply.status_code == 200, reply.text
    payment = reply.json()["payment"]
    assert (payment["method"], payment["status"]) == (method, "waiting")
    assert payment["client"]
    assert payment["expires_at"]
    await till.confirm(order, method)
    paid = await till.until(order, "paid")
    assert (paid.paid_minor, paid.method) == (AMOUNT, method)
    assert await till.station() == AMOUNT
    assert await till.balance(AccountKind.PROVIDER, method) == -AMOUNT


async def test_fifty_identical_requests_at_once_have_one_effect_and_one_answer(till: Till) -> None:
    order, key = await till.order(), str(new_id())
    replies = await asyncio.gather(*(till.pay(order, key=key) for _ in range(50)))
    assert {(reply.status_code, reply.content) for reply in replies} == {(200, replies[0].content)}
    assert len(till.world.wechat.trades) >= 1
    assert await till.payments.sql("SELECT count(*) FROM attempts") == 1


async def test_a_second_payment_while_one_is_under_way_is_refused_and_says_how_to_go_on(till: Till) -> None:
    order = await till.order()
    first = await till.pay(order)
    second = await till.pay(order)
    assert (second.status_code, second.json()["type"]) == (409, "urn:forecourt:problem:payment-in-progress")
    assert second.json()["payment"] == first.json()["payment"]


async def test_security_35_a_client_that_says_it_has_paid_changes_nothing(till: Till) -> None:
    order = await till.order()
    reply = await till.pay(order, status="paid")
    assert reply.status_code == 422
    await till.pay(order)
    reply = await till.pay(order, paid=True, trade_id="4200")
    assert reply.status_code == 422
    await till.look()
    assert (await till.now(order)).status == "paying"
    assert await till.station() == 0


async def test_another_method_gives_the_first_one_up(till: Till) -> None:
    order = await till.order()
    await till.pay(order, "wechat")
    first = await till.number(order)
    reply = await till.pay(order, "alipay")
    assert (reply.status_code, reply.json()["payment"]["method"]) == (200, "alipay")
    assert till.world.wechat.trades[first].state == "CLOSED"
    await till.confirm(order, "alipay")
    assert (await till.until(order, "paid")).method == "alipay"


async def test_a_charge_that_was_paid_counts_though_another_method_was_chosen(till: Till) -> None:
    order = await till.order()
    await till.pay(order, "wechat")
    await till.world.pay("wechat", await till.number(order))
    reply = await till.pay(order, "alipay")
    assert (reply.status_code, reply.json()["order_status"]) == (409, "paid")
    assert (await till.now(order)).method == "wechat"
    assert await till.station() == AMOUNT


async def test_a_payment_after_the_order_was_cancelled_goes_back_by_itself(till: Till) -> None:
    order = await till.order(mode="prepaid", status="placed", requested_minor=AMOUNT, volume_ml=None, gross_minor=None,
                             dispensed_at=None, confirmed_at=None)  # fmt: skip
    await till.pay(order)
    await till.world.pay("wechat", await till.number(order))
    cancelled = await till.payments.client.post(f"/v1/orders/{order.order_id}/cancel", headers=till.driver)
    assert cancelled.status_code == 200, cancelled.text
    await till.look()
    await till.until_rows("SELECT 1 FROM refunds WHERE purpose = 'late_payment' AND status = 'succeeded'")
    assert till.world.wechat.trades[await till.number(order)].refunded == AMOUNT
    assert (await till.now(order)).status == "cancelled"
    assert await till.balance(AccountKind.SUSPENSE, "wechat") == 0


async def test_a_cancelled_order_s_charge_is_closed_at_the_provider(till: Till) -> None:
    order = await till.order(mode="pre_auth", status="placed", requested_minor=AMOUNT, volume_ml=None, gross_minor=None,
                             dispensed_at=None, confirmed_at=None)  # fmt: skip
    await till.pay(order)
    await till.payments.client.post(f"/v1/orders/{order.order_id}/cancel", headers=till.driver)
    await till.look()
    await till.until_rows("SELECT 1 FROM attempts WHERE status = 'closed'")
    assert till.world.wechat.trades[await till.number(order)].state == "CLOSED"


async def test_a_payment_after_the_charge_was_closed_goes_back_though_nobody_told_of_it(till: Till) -> None:
    order = await till.order()
    await till.pay(order, "wechat")
    closed = await till.number(order)
    await till.pay(order, "alipay")
    await till.confirm(order, "alipay")
    await till.until(order, "paid")
    till.world.fault("wechat", lost=1)
    await till.world.pay("wechat", closed, late=True)
    await till.look(age_seconds=31)
    await till.until_rows("SELECT 1 FROM refunds WHERE purpose = 'late_payment' AND status = 'succeeded'")
    assert till.world.wechat.trades[closed].refunded == AMOUNT
    assert await till.balance(AccountKind.SUSPENSE, "wechat") == 0


async def test_no_answer_is_unknown_and_never_a_second_charge(till: Till) -> None:
    till.impatient()
    till.world.fault("wechat", silent=1, only=["create"])
    order = await till.order()
    reply = await till.pay(order)
    assert (reply.status_code, reply.json()["payment"]["status"]) == (200, "unknown")
    assert (await till.now(order)).status == "unknown"
    again = await till.pay(order)
    assert (again.status_code, again.json()["order_status"]) == (409, "unknown")
    await till.look(age_seconds=20)  # nobody can pay it: the answer that the phone needs was lost
    assert (await till.until(order, "confirmed")).method is None
    assert till.world.wechat.trades[await till.number(order)].state == "CLOSED"
    till.world.fault("wechat")
    assert (await till.paid(order)).paid_minor == AMOUNT


async def test_what_the_provider_never_heard_of_is_given_up_after_a_while(till: Till) -> None:
    till.impatient()
    till.world.fault("wechat", drop=1, only=["create"])
    order = await till.order()
    await till.pay(order)
    await till.look()
    await till.until_rows("SELECT 1 FROM attempts WHERE looks > 0")
    assert (await till.now(order)).status == "unknown"
    await till.look(age_seconds=61)
    await till.until(order, "confirmed")


async def test_a_provider_that_says_no_leaves_the_order_to_be_paid_otherwise(till: Till) -> None:
    till.world.fault("wechat", limited=1, only=["create"])
    order, key = await till.order(), str(new_id())
    reply = await till.pay(order, key=key)
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:forecourt:problem:payment-refused")
    assert (await till.pay(order, key=key)).json() == reply.json()
    assert (await till.paid(order, "alipay")).paid_minor == AMOUNT


async def test_nobody_confirms_in_time(till: Till) -> None:
    order = await till.order()
    await till.pay(order)
    await till.look(age_seconds=400)
    await till.until(order, "confirmed")
    assert till.world.wechat.trades[await till.number(order)].state == "CLOSED"


@pytest.mark.parametrize("lie", ["wrong_amount", "wrong_currency"])
async def test_another_amount_than_asked_for_marks_nothing_paid(till: Till, lie: str) -> None:
    till.world.fault("wechat", **{lie: 1, "only": ["query"]})
    order = await till.order()
    await till.pay(order)
    await till.confirm(order)
    await till.until_rows("SELECT 1 FROM exceptions WHERE kind = 'mismatch' AND order_id = $1", order.order_id)
    assert (await till.now(order)).status == "unknown"
    assert await till.station() == 0
    till.world.fault("wechat")
    await till.look()
    await till.until(order, "paid")


async def test_a_charge_that_stays_unknown_is_put_before_people_and_asked_about_all_the_same(till: Till) -> None:
    till.impatient()
    till.world.fault("wechat", silent=1)
    order = await till.order()
    await till.pay(order)
    await till.look(age_seconds=301)
    await till.until_rows("SELECT 1 FROM exceptions WHERE kind = 'unknown_payment' AND order_id = $1", order.order_id)
    assert (await till.now(order)).status == "unknown"
    assert await till.payments.sql("SELECT count(*) FROM attempts WHERE next_look_at IS NOT NULL") == 1


async def test_security_34_fifteen_notifications_have_one_effect(till: Till) -> None:
    order = await till.order()
    await till.pay(order)
    number = await till.number(order)
    await till.world.pay("wechat", number)
    notification = till.world.wechat.payment_notification(till.world.wechat.trades[number])
    for _ in range(15):
        body, headers = notification.build()
        reply = await till.payments.client.post("/v1/webhooks/wechatpay/payments", content=body, headers=dict(headers))
        assert reply.status_code == 200, reply.text
    await till.until(order, "paid")
    await till.until_rows("SELECT 1 FROM notifications WHERE processed_at IS NOT NULL")
    assert await till.payments.sql("SELECT count(*) FROM notifications") == 1
    assert await till.payments.sql("SELECT count(*) FROM transfers") == 1
    assert await till.station() == AMOUNT


async def test_paying_needs_a_bound_payer_an_own_order_and_a_card_where_it_is_one(payments: Payments, world: Played):
    async with till_of(payments, world) as till:
        order = await till.order()
        missing = await till.pay(order)
        assert (missing.status_code, missing.json()["type"]) == (409, "urn:forecourt:problem:payer-missing")
        assert (await till.now(order)).status == "confirmed"
        assert (await till.pay(order, "fuel_card")).status_code == 422
        assert (await till.pay(order, card_id=str(new_id()))).status_code == 422
        till.driver_id = str(new_id())
        assert (await till.pay(order)).status_code == 404
