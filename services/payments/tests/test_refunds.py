"""Refunds: never more than was paid, above a limit by two people, and there when the provider says so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.domain.ledger import AccountKind
from payments.domain.order_words import Status
from payments.domain.orders import Order
from payments.domain.refunds import RefundImpossible, amount_of_missing, checked_amount, needs_second_person
from payments.repository import attempts
from payments.use_cases import capturing
from payments.use_cases.attempts import look
from schemas.orders import OrderRefundedV1
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .card_kit import open_card, put_money
from .conftest import Payments
from .paying_kit import AMOUNT, BOTH, Till, till_of
from .provider_kit import Played, played
from .station_kit import any_order

BEFORE = {
    "status": "placed", "volume_ml": None, "gross_minor": None, "dispensed_at": None, "confirmed_at": None,
    "requested_minor": AMOUNT,
}  # fmt: skip
"""An order that is paid before fuelling."""


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


@pytest.fixture
async def till(payments: Payments, world: Played) -> AsyncIterator[Till]:
    async with till_of(payments, world, *BOTH) as till:
        yield till


async def settled(till: Till, refund_id: str, status: str = "succeeded") -> dict[str, Any]:
    """The refund once it has this status."""

    async def look() -> bool:
        await till.look()
        found = await till.payments.rows("SELECT * FROM refunds WHERE refund_id = $1", UUID(refund_id))
        row.update(found[0])
        return row["status"] in {status, "failed"}

    row: dict[str, Any] = {}
    await eventually(look)
    assert row["status"] == status, row
    return row


async def decide(till: Till, refund_id: str, verb: str, who: dict[str, str]) -> Any:
    return await till.payments.client.post(f"/v1/refunds/{refund_id}/{verb}", headers=who)


@pytest.mark.parametrize("method", BOTH)
async def test_parts_and_then_the_rest_go_back(till: Till, method: str) -> None:
    order = await till.paid(await till.order(), method)
    part = await till.refund(order, amount_minor=550)
    assert (part.status_code, part.json()["status"]) == (201, "pending")
    await settled(till, part.json()["refund_id"])
    assert (await till.until(order, "paid")).refunded_minor == 550
    missing = await till.refund(order, volume_ml=10_000, reason="under_dispensed")
    assert missing.json()["amount_minor"] == AMOUNT // 3
    rest = await till.refund(order, whole=True)
    await settled(till, missing.json()["refund_id"])
    await settled(till, rest.json()["refund_id"])
    assert (await till.until(order, "refunded")).refunded_minor == AMOUNT
    assert await till.station() == await till.balance(AccountKind.PROVIDER, method) == 0
    if method == "wechat":
        assert till.world.wechat.trades[await till.number(order)].refunded == AMOUNT
    told = "SELECT details ->> 'amount_minor' FROM order_steps WHERE order_id = $1 AND command = 'end_refund'"
    amounts = [int(row["?column?"]) for row in await till.payments.rows(told, order.order_id)]
    assert sorted(amounts) == sorted([550, AMOUNT // 3, AMOUNT - AMOUNT // 3 - 550])


async def test_refunds_at_once_never_exceed_what_was_paid(till: Till) -> None:
    order = await till.paid(await till.order())
    replies = await asyncio.gather(*(till.refund(order, amount_minor=10_000) for _ in range(6)))
    assert sorted(reply.status_code for reply in replies) == [201, 201, 409, 409, 409, 409]
    assert {reply.json()["type"] for reply in replies if reply.status_code == 409} == {
        "urn:forecourt:problem:not-refundable"
    }
    for reply in replies:
        if reply.status_code == 201:
            await settled(till, reply.json()["refund_id"])
    assert (await till.until(order, "paid")).refunded_minor == 20_000


async def test_security_38_a_refund_above_the_limit_needs_two_people(till: Till) -> None:
    till.two_people_above(1_000)
    order = await till.paid(await till.order())
    owner = till.payments.staff("refunds:write", "refunds:approve", role="owner", sub=str(new_id()))
    asked = await till.refund(order, owner, amount_minor=1_001, note="canary-note")
    assert (asked.status_code, asked.json()["status"]) == (201, "requested")
    refund_id = asked.json()["refund_id"]
    assert (await decide(till, refund_id, "approve", owner)).json()["type"] == (
        "urn:forecourt:problem:second-person-needed"
    )
    assert (await till.now(order)).status == "paid"
    elsewhere = [{"role": "finance", "operators": ["another-operator"], "stations": []}]
    foreign = till.payments.staff("refunds:approve", role="finance", operators=["another-operator"], grants=elsewhere)
    assert (await decide(till, refund_id, "approve", foreign)).status_code == 404
    other = till.payments.staff("refunds:approve", role="finance", sub=str(new_id()))
    for _ in range(2):
        assert (await decide(till, refund_id, "approve", other)).status_code == 200
    await settled(till, refund_id)
    assert (await till.until(order, "paid")).refunded_minor == 1_001
    stored = await till.payments.sql("SELECT note FROM refunds WHERE refund_id = $1", UUID(refund_id))
    assert b"canary" not in stored


async def test_small_parts_add_up_to_what_needs_two_people(till: Till) -> None:
    till.two_people_above(1_000)
    order = await till.paid(await till.order())
    statuses = [(await till.refund(order, amount_minor=400)).json()["status"] for _ in range(3)]
    assert statuses == ["pending", "pending", "requested"]


async def test_a_refused_request_frees_what_it_counted(till: Till) -> None:
    till.two_people_above(1_000)
    order = await till.paid(await till.order())
    asked = (await till.refund(order, whole=True)).json()
    assert (await till.refund(order, amount_minor=1)).status_code == 409
    other = till.payments.staff("refunds:approve", role="finance", sub=str(new_id()))
    assert (await decide(till, asked["refund_id"], "reject", other)).json()["status"] == "rejected"
    assert (await decide(till, asked["refund_id"], "approve", other)).status_code == 409
    assert (await till.refund(order, amount_minor=1)).status_code == 201


@pytest.mark.parametrize("fault", ["silent", "drop", "busy", "busy_done", "limited"])
async def test_a_refund_whose_answer_is_lost_is_asked_about_and_happens_once(till: Till, fault: str) -> None:
    order = await till.paid(await till.order())
    till.impatient()
    till.world.fault("wechat", **{fault: 1, "only": ["refund"], "times": 1})
    asked = await till.refund(order, amount_minor=550)
    await settled(till, asked.json()["refund_id"])
    assert till.world.wechat.trades[await till.number(order)].refunded == 550
    assert (await till.until(order, "paid")).refunded_minor == 550


@pytest.mark.parametrize("fault", ["abnormal_refund"])
async def test_a_refund_that_fails_is_put_before_people(till: Till, fault: str) -> None:
    order = await till.paid(await till.order())
    till.world.fault("wechat", **{fault: 1})
    asked = await till.refund(order, amount_minor=550)
    await settled(till, asked.json()["refund_id"], "failed")
    assert (await till.until(order, "paid")).refunded_minor == 0
    assert await till.payments.sql("SELECT count(*) FROM exceptions WHERE kind = 'refund_failed'") == 1
    assert await till.station() == AMOUNT
    till.world.fault("wechat")
    again = await till.refund(order, amount_minor=1_000)  # the abnormal one goes on counting at the provider
    await settled(till, again.json()["refund_id"])


async def test_a_foreign_order_and_a_foreign_refund_are_not_there(till: Till) -> None:
    order = await till.paid(await till.order())
    elsewhere = [{"role": "manager", "operators": ["another-operator"], "stations": []}]
    foreign = till.payments.staff("refunds:write", operators=["another-operator"], grants=elsewhere)
    assert (await till.refund(order, foreign, amount_minor=1)).status_code == 404
    assert (await till.refund(order, {**till.driver}, amount_minor=1)).status_code == 403
    wrong: list[dict[str, Any]] = [
        {},
        {"amount_minor": 1, "whole": True},
        {"amount_minor": 0},
        {"volume_ml": -1},
        {"reason": "x"},
    ]
    for body in wrong:
        assert (await till.refund(order, **body)).status_code == 422
    assert (await till.refund(order, volume_ml=30_001)).status_code == 409
    listed = await till.payments.client.get(f"/v1/orders/{order.order_id}/refunds", headers=till.head)
    assert (listed.status_code, listed.json()) == (200, {"refunds": []})


async def dispense(till: Till, order: Order, volume_ml: int) -> None:
    """The pump gave so much."""
    payments = till.payments.process

    async def settle(tx: Any) -> None:
        await capturing.settle_dispense(payments, tx, await till.now(order), volume_ml, "pump", datetime.now(UTC))

    await payments.store.transact(settle)


async def test_what_was_dispensed_is_captured_and_the_rest_goes_back(till: Till) -> None:
    order = await till.paid(await till.order(mode="pre_auth", **BEFORE))
    assert (order.status, order.authorised_minor, order.paid_minor) == ("authorised", AMOUNT, 0)
    assert await till.station() == 0
    await dispense(till, order, 10_000)
    done = await till.now(order)
    assert (done.status, done.paid_minor, done.gross_minor) == ("completed", 7_850, 7_850)
    rest = await till.until_rows("SELECT refund_id FROM refunds WHERE purpose = 'release'")
    await settled(till, str(rest[0]["refund_id"]))
    assert await till.station() == 7_850
    assert await till.balance(AccountKind.DEPOSIT, order.order_id) == 0
    assert till.world.wechat.trades[await till.number(order)].refunded == AMOUNT - 7_850
    assert (await till.now(order)).refunded_minor == 0


async def test_the_rest_goes_back_to_the_charge_that_counted(till: Till) -> None:
    order = await till.order(mode="pre_auth", **BEFORE)
    await till.pay(order, "wechat")
    given_up = await till.number(order)
    await till.pay(order, "alipay")
    await till.confirm(order, "alipay")
    authorised = await till.until(order, "authorised")
    await till.world.pay("wechat", given_up, late=True)  # the older charge, and paid too late to count
    async with till.payments.store.connection() as connection:
        attempt = await attempts.find(connection, UUID(given_up))
    assert attempt is not None
    await look(till.payments.process, attempt)
    await dispense(till, authorised, 10_000)
    for one in await till.payments.rows("SELECT refund_id FROM refunds"):
        await settled(till, str(one["refund_id"]))
    assert till.world.wechat.trades[given_up].refunded == AMOUNT
    assert await till.balance(AccountKind.PROVIDER, "alipay") == -7_850
    assert await till.balance(AccountKind.DEPOSIT, order.order_id) == 0


async def test_more_than_was_authorised_is_captured_as_far_as_it_goes(till: Till) -> None:
    order = await till.paid(await till.order(mode="pre_auth", **BEFORE))
    await dispense(till, order, 31_000)
    done = await till.now(order)
    assert (done.status, done.paid_minor, done.gross_minor) == ("completed", AMOUNT, 24_335)
    assert sum(part["amount_minor"] for part in done.breakdown) == 24_335 - AMOUNT
    assert await till.payments.sql("SELECT details ->> 'over_minor' FROM exceptions") == str(24_335 - AMOUNT)


async def test_an_authorised_order_that_ends_without_fuel_gives_all_back(till: Till) -> None:
    order = await till.paid(await till.order(mode="pre_auth", **BEFORE))
    reply = await till.payments.client.post(f"/v1/orders/{order.order_id}/cancel", headers=till.driver)
    assert reply.status_code == 200, reply.text
    rest = await till.until_rows("SELECT refund_id FROM refunds WHERE purpose = 'release'")
    await settled(till, str(rest[0]["refund_id"]))
    assert till.world.wechat.trades[await till.number(order)].refunded == AMOUNT
    assert await till.balance(AccountKind.DEPOSIT, order.order_id) == 0


async def test_of_a_prepaid_amount_what_the_pump_did_not_give_goes_back(till: Till) -> None:
    order = await till.paid(await till.order(mode="prepaid", **BEFORE))
    assert (order.status, order.paid_minor) == ("paid", AMOUNT)
    assert await till.balance(AccountKind.DEPOSIT, order.order_id) == AMOUNT
    assert (await till.refund(order, amount_minor=1)).status_code == 409  # nothing was dispensed yet
    await dispense(till, order, 10_000)
    rest = await till.until_rows("SELECT refund_id, volume_ml FROM refunds")
    await settled(till, str(rest[0]["refund_id"]))
    done = await till.until(order, "completed")
    assert (done.refunded_minor, rest[0]["volume_ml"]) == (AMOUNT - 7_850, 20_000)
    assert await till.station() == 7_850
    assert await till.balance(AccountKind.DEPOSIT, order.order_id) == 0
    more = await till.refund(order, whole=True)
    await settled(till, more.json()["refund_id"])
    assert (await till.until(order, "refunded")).refunded_minor == AMOUNT
    assert await till.station() == 0
    told: list[OrderRefundedV1] = []

    async def both_are_told() -> bool:
        events = [one.event() for one in await till.payments.kafka.read("payments.orders")]
        told[:] = [one for one in events if isinstance(one, OrderRefundedV1) and one.order_id == order.order_id]
        return len(told) == 2

    await eventually(both_are_told)
    assert [(one.amount_minor, one.unused) for one in told] == [(AMOUNT - 7_850, True), (7_850, False)]


async def test_a_refund_to_a_card_is_there_at_once(till: Till) -> None:
    card_id = await open_card(till.payments, till.driver)
    await put_money(till.payments, card_id, 30_000)
    order = await till.order()
    assert (await till.pay(order, "fuel_card", card_id=str(card_id))).status_code == 200
    part = await till.refund(order, amount_minor=550)
    assert (part.status_code, part.json()["status"]) == (201, "succeeded")
    assert (await till.refund(order, whole=True)).json()["status"] == "succeeded"
    assert ((await till.now(order)).status, await till.station()) == ("refunded", 0)
    assert await till.balance(AccountKind.CARD, card_id) == 30_000


async def test_of_an_amount_prepaid_by_card_the_rest_is_on_it_at_once(till: Till) -> None:
    card_id = await open_card(till.payments, till.driver)
    await put_money(till.payments, card_id, 30_000)
    order = await till.order(mode="prepaid", **BEFORE)
    assert (await till.pay(order, "fuel_card", card_id=str(card_id))).status_code == 200
    await dispense(till, order, 10_000)
    done = await till.now(order)
    assert (done.status, done.refunded_minor) == ("completed", AMOUNT - 7_850)
    assert (await till.balance(AccountKind.CARD, card_id), await till.station()) == (30_000 - 7_850, 7_850)
    assert await till.balance(AccountKind.DEPOSIT, order.order_id) == 0


PAID = replace(any_order(new_id()), status=Status.PAID, paid_minor=1_000, volume_ml=3_000)


@given(counted=st.integers(0, 1_000), asked=st.none() | st.integers(1, 2_000))
def test_what_goes_back_is_never_more_than_what_is_left(counted: int, asked: int | None) -> None:
    try:
        amount = checked_amount(PAID, counted, asked)
    except RefundImpossible:
        assert counted == 1_000 or (asked or 0) + counted > 1_000
    else:
        assert 0 < amount <= 1_000 - counted
        assert amount == (asked or 1_000 - counted)


@given(missing=st.integers(1, 4_000))
def test_fuel_that_is_missing_costs_its_share(missing: int) -> None:
    try:
        assert abs(amount_of_missing(PAID, missing) * 3 - missing) <= 2
    except RefundImpossible:
        assert missing > 3_000


def test_a_currency_without_a_limit_always_needs_two_people() -> None:
    assert needs_second_person(1, "SEK", {"CNY": 1_000})
    assert not needs_second_person(1_000, "CNY", {"CNY": 1_000})
    assert needs_second_person(1_001, "CNY", {"CNY": 1_000})
