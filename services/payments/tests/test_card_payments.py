"""Paying with fuel cards: once, never more than there is, never past a limit, whoever pays at the same moment."""

import asyncio
from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from payments.domain.card_charges import METHOD
from payments.domain.charging import paid
from payments.domain.ledger import Account, AccountKind, Balance
from payments.domain.limits import Limits, Measure, Period, period_starts
from payments.domain.order_words import Command, Mode, Status
from payments.domain.orders import Order
from payments.repository import card_payments as repository
from payments.repository import cards, ledger, orders
from payments.use_cases import capturing, card_payments
from payments.use_cases.ledger import trial_balance
from payments.use_cases.paying import begin_payment
from schemas.orders import OrderPaidV1
from servicekit.erasures import Erasure
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .card_kit import counted_statements, open_card, put_money
from .conftest import Payments
from .station_kit import any_order, dispensed_order, stored

GROSS = 23_550
"""What the dispensed orders of the kit cost."""


class Payer:
    """A driver with a card."""

    def __init__(self, payments: Payments) -> None:
        self.payments = payments
        self.driver_id = str(new_id())
        self.headers = payments.driver(self.driver_id)
        self.card_id: UUID
        self.station_id: UUID

    @classmethod
    async def with_money(cls, payments: Payments, amount_minor: int) -> "Payer":
        """With so much on the card, at a station."""
        payer = cls(payments)
        payer.station_id = await payments.station()
        payer.card_id = await open_card(payments, payer.headers)
        await put_money(payments, payer.card_id, amount_minor)
        return payer

    async def order(self, **values: Any) -> Order:
        """An order of this driver's that was dispensed."""
        values = {"driver_id": self.driver_id, "pump_id": new_id().hex[-12:]} | values
        return await dispensed_order(self.payments, self.station_id, **values)

    async def pay(self, order_id: UUID, key: str | None = None, **body: Any) -> httpx.Response:
        """Pays it with the card."""
        body = {"method": "fuel_card", "card_id": str(self.card_id)} | body
        headers = self.headers | {"Idempotency-Key": key or str(new_id())}
        return await self.payments.client.post(f"/v1/orders/{order_id}/pay", json=body, headers=headers)

    async def balance(self) -> Balance:
        """What is on the card."""
        account = Account(AccountKind.CARD, str(self.card_id), "CNY")
        async with self.payments.store.connection() as connection:
            return await ledger.balance(connection, account)

    async def limit(self, limits: Limits) -> None:
        """Limits the card."""

        async def work(tx: Any) -> None:
            card = await cards.lock(tx, self.card_id)
            assert card is not None
            await cards.save(tx, replace(card, version=card.version + 1, limits=limits))

        await self.payments.store.transact(work)


def meet(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Lets so many payments decide on the same state before any of them is written."""
    barrier, original, came = asyncio.Barrier(count), card_payments._load, 0

    async def load(*arguments: Any) -> Any:
        nonlocal came
        loaded = await original(*arguments)
        came += 1
        if came <= count:
            await barrier.wait()
        return loaded

    monkeypatch.setattr(card_payments, "_load", load)


def slug_of(answer: httpx.Response) -> str:
    return answer.json().get("type", "").rpartition(":")[2]


async def test_a_card_pays_what_was_dispensed_at_once(payments: Payments) -> None:
    payer = await Payer.with_money(payments, 100_000)
    order = await payer.order()
    answer = await payer.pay(order.order_id)
    assert answer.status_code == 200, answer.text
    assert answer.json()["payment"] == {"method": "fuel_card", "status": "paid", "client": None, "expires_at": None}
    assert (answer.json()["order"]["status"], answer.json()["order"]["paid_minor"]) == ("paid", GROSS)
    assert await payer.balance() == Balance(100_000 - GROSS, 0)
    (row,) = await payments.rows("SELECT * FROM orders")
    assert (row["status"], row["card_id"], row["version"]) == ("paid", payer.card_id, order.version + 2)
    steps = await payments.rows("SELECT command, before, after, version FROM order_steps ORDER BY position")
    assert [tuple(step.values()) for step in steps[1:]] == [
        ("begin_payment", "confirmed", "paying", order.version + 1), ("pay", "paying", "paid", order.version + 2)
    ]  # fmt: skip
    (use,) = await payments.rows("SELECT card_id, amount_minor, volume_ml FROM card_uses")
    assert tuple(use.values()) == (payer.card_id, GROSS, 30_000)
    station = Account(AccountKind.STATION, str(payer.station_id), "CNY")
    async with payments.store.connection() as connection:
        assert (await ledger.balance(connection, station)).posted_minor == GROSS
    assert (await trial_balance(payments.process)).is_balanced
    await eventually(payments.outbox_is_empty)
    (told,) = [
        event
        for message in await payments.kafka.read("payments.orders")
        if isinstance(event := message.event(), OrderPaidV1) and event.order_id == order.order_id
    ]
    assert (told.paid_minor, told.card_id, told.version) == (GROSS, payer.card_id, order.version + 2)


async def test_fifty_identical_requests_at_once_have_one_effect_and_one_answer(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = await Payer.with_money(payments, 100_000)
    order = await payer.order()
    meet(monkeypatch, 50)
    answers = await asyncio.gather(*(payer.pay(order.order_id, "the same") for _ in range(50)))
    assert {(one.status_code, one.content) for one in answers} == {(200, answers[0].content)}
    assert await payer.balance() == Balance(100_000 - GROSS, 0)
    changed = await payer.pay(order.order_id, "the same", points=0)
    assert (changed.status_code, slug_of(changed)) == (422, "idempotency-key-reused")


async def test_an_order_is_paid_once_whatever_keys_and_cards_come_at_once(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = await Payer.with_money(payments, 100_000)
    other_card = await open_card(payments, payer.headers)
    await put_money(payments, other_card, 100_000)
    order = await payer.order()
    meet(monkeypatch, 12)
    cards_used = [payer.card_id, other_card] * 6
    answers = await asyncio.gather(*(payer.pay(order.order_id, card_id=str(card)) for card in cards_used))
    assert Counter((one.status_code, slug_of(one)) for one in answers) == {
        (200, ""): 1, (409, "invalid-transition"): 11
    }  # fmt: skip
    assert await payments.sql("SELECT sum(posted_minor) FROM balances WHERE is_checked") == 200_000 - GROSS


async def test_orders_that_are_paid_at_once_never_overdraw_a_card(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = await Payer.with_money(payments, 3 * GROSS + 1)
    placed = [await payer.order() for _ in range(6)]
    meet(monkeypatch, 6)
    answers = await asyncio.gather(*(payer.pay(order.order_id) for order in placed))
    assert Counter((one.status_code, slug_of(one)) for one in answers) == {
        (200, ""): 3, (402, "insufficient-funds"): 3
    }  # fmt: skip
    (refused, *_) = [one.json() for one in answers if one.status_code == 402]
    assert (refused["available_minor"], refused["missing_minor"]) == (1, GROSS - 1)
    assert await payer.balance() == Balance(1, 0)
    assert (await trial_balance(payments.process)).is_balanced


async def test_cards_of_one_company_never_overdraw_its_account(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each card is as it was, so only the account's own row says no; and says nothing of what is on it."""
    company_id = new_id()
    payers = [await Payer.with_money(payments, 1) for _ in range(4)]
    await payments.sql(
        "INSERT INTO companies (company_id, currency, opened_at) VALUES ($1, 'CNY', now())", company_id
    )  # fmt: skip
    account = Account(AccountKind.CARD, str(company_id), "CNY")
    await payments.sql("UPDATE cards SET (company_id, account_id) = ($1, $2)", company_id, account.id)
    await put_money(payments, payers[0].card_id, 2 * GROSS)
    placed = [await payer.order() for payer in payers]
    meet(monkeypatch, 4)
    answers = await asyncio.gather(*(one.pay(order.order_id) for one, order in zip(payers, placed, strict=True)))
    assert Counter((one.status_code, slug_of(one)) for one in answers) == {
        (200, ""): 2, (402, "insufficient-funds"): 2
    }  # fmt: skip
    assert not any("available_minor" in one.json() for one in answers)
    async with payments.store.connection() as connection:
        assert await ledger.balance(connection, account) == Balance(0, 0)


async def test_nothing_is_written_for_a_driver_who_was_erased_meanwhile(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = await Payer.with_money(payments, 100_000)
    order, original = await payer.order(), card_payments._load

    async def load(*arguments: Any) -> Any:
        loaded = await original(*arguments)
        erasure = Erasure(datetime.now(UTC))
        await payments.store.transact(lambda tx: payments.process.erasures.record(tx, payer.driver_id, erasure))
        return loaded

    monkeypatch.setattr(card_payments, "_load", load)
    answer = await payer.pay(order.order_id)
    assert (answer.status_code, slug_of(answer)) == (401, "account-gone")
    assert await payer.balance() == Balance(100_000, 0)
    again = await payer.pay(order.order_id)
    assert (again.status_code, slug_of(again)) == (401, "account-gone")


async def test_orders_that_are_paid_at_once_never_pass_a_limit(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = await Payer.with_money(payments, 100_000)
    await payer.limit(Limits(per_period={Period.DAY: {Measure.COUNT: 2}}))
    placed = [await payer.order() for _ in range(4)]
    meet(monkeypatch, 4)
    answers = await asyncio.gather(*(payer.pay(order.order_id) for order in placed))
    assert Counter((one.status_code, slug_of(one)) for one in answers) == {(200, ""): 2, (409, "card-limit"): 2}
    (refused, *_) = [one.json() for one in answers if one.status_code == 409]
    assert (refused["rule"], refused["limit"], refused["used"], refused["remaining"]) == ("day.count", 2, 2, 0)


async def test_one_who_cannot_pay_does_not_keep_others_from_paying(payments: Payments) -> None:
    """All at once: a poor card, a foreign order, a foreign card, and some that are good."""
    good = [await Payer.with_money(payments, 100_000) for _ in range(3)]
    poor = await Payer.with_money(payments, 10)
    placed = [await payer.order() for payer in [*good, poor]]
    foreign = good[0].pay(placed[1].order_id)
    stolen = good[0].pay((await good[0].order()).order_id, card_id=str(good[1].card_id))
    payers = [payer.pay(order.order_id) for payer, order in zip([*good, poor], placed, strict=True)]
    answers = await asyncio.gather(*payers, foreign, stolen)
    assert [(one.status_code, slug_of(one)) for one in answers] == [
        (200, ""), (200, ""), (200, ""), (402, "insufficient-funds"), (404, "no-such-order"), (404, "no-such-card")
    ]  # fmt: skip


async def test_a_hold_is_captured_as_far_as_fuel_was_given(payments: Payments) -> None:
    payer = await Payer.with_money(payments, 50_000)
    order = await stored(payments, any_order(
        payer.station_id, driver_id=payer.driver_id, mode=Mode.PRE_AUTH, requested_minor=20_000
    ))  # fmt: skip
    answer = await payer.pay(order.order_id)
    assert (answer.json()["payment"]["status"], answer.json()["order"]["status"]) == ("authorised", "authorised")
    assert await payer.balance() == Balance(50_000, 20_000)

    async def dispense(tx: Any) -> Order:
        locked = await orders.lock(tx, order.order_id)
        assert locked is not None
        return await capturing.settle_dispense(payments.process, tx, locked, 2_000, "test", datetime.now(UTC))

    done = await payments.store.transact(dispense)
    assert (done.status, done.paid_minor) == (Status.COMPLETED, 1_570)
    assert await payer.balance() == Balance(50_000 - 1_570, 0)
    (use,) = await payments.rows("SELECT amount_minor, volume_ml FROM card_uses")
    assert tuple(use.values()) == (1_570, 2_000)
    assert await payments.sql("SELECT status FROM holds") == "posted"
    assert (await trial_balance(payments.process)).is_balanced


async def test_a_hold_that_is_not_used_is_the_drivers_again(payments: Payments) -> None:
    payer = await Payer.with_money(payments, 50_000)
    order = await stored(payments, any_order(
        payer.station_id, driver_id=payer.driver_id, mode=Mode.PRE_AUTH, requested_minor=20_000
    ))  # fmt: skip
    assert (await payer.pay(order.order_id)).status_code == 200

    async def release(tx: Any) -> Order:
        locked = await orders.lock(tx, order.order_id)
        assert locked is not None
        now = datetime.now(UTC)
        return await capturing.release(payments.process, tx, locked, Command.CANCEL, "test", now, "cancelled")

    assert (await payments.store.transact(release)).status is Status.CANCELLED
    assert await payer.balance() == Balance(50_000, 0)
    assert await payments.sql("SELECT count(*) FROM card_uses") == 0
    assert await payments.sql("SELECT status FROM holds") == "voided"


async def test_a_capture_after_the_hold_expired_and_the_money_went_is_for_people(payments: Payments) -> None:
    payer = await Payer.with_money(payments, 20_000)
    order = await stored(payments, any_order(
        payer.station_id, driver_id=payer.driver_id, mode=Mode.PRE_AUTH, requested_minor=20_000
    ))  # fmt: skip
    assert (await payer.pay(order.order_id)).status_code == 200
    await payments.sql("UPDATE holds SET (status, settled_at) = ('expired', now())")
    await payments.sql("UPDATE balances SET held_minor = 0")
    await put_money(payments, payer.card_id, -19_000)

    async def dispense(tx: Any) -> Order:
        locked = await orders.lock(tx, order.order_id)
        assert locked is not None
        return await capturing.settle_dispense(payments.process, tx, locked, 2_000, "test", datetime.now(UTC))

    assert (await payments.store.transact(dispense)).status is Status.COMPLETED
    assert await payer.balance() == Balance(1_000, 0)
    assert await payments.sql("SELECT kind FROM exceptions") == "mismatch"


async def test_a_prepaid_order_goes_to_its_deposit(payments: Payments) -> None:
    payer = await Payer.with_money(payments, 50_000)
    order = await stored(payments, any_order(
        payer.station_id, driver_id=payer.driver_id, mode=Mode.PREPAID, requested_minor=20_000
    ))  # fmt: skip
    answer = await payer.pay(order.order_id)
    assert (answer.json()["order"]["status"], answer.json()["order"]["paid_minor"]) == ("paid", 20_000)
    assert await payer.balance() == Balance(30_000, 0)
    async with payments.store.connection() as connection:
        deposit = await ledger.balance(connection, Account(AccountKind.DEPOSIT, str(order.order_id), "CNY"))
    assert deposit.posted_minor == 20_000


async def test_a_frozen_card_pays_nothing(payments: Payments) -> None:
    payer = await Payer.with_money(payments, 100_000)
    order = await payer.order()
    frozen = await payments.client.post(f"/v1/fuel-cards/{payer.card_id}/freeze", headers=payer.headers)
    assert frozen.status_code < 300, frozen.text
    answer = await payer.pay(order.order_id)
    assert (answer.status_code, slug_of(answer)) == (409, "card-frozen")
    assert await payer.balance() == Balance(100_000, 0)


async def test_a_payment_takes_two_round_trips_to_the_database(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole call, idempotency and the check that the driver is still there included."""
    payer = await Payer.with_money(payments, 10 * GROSS)
    placed = [await payer.order() for _ in range(2)]
    assert (await payer.pay(placed[0].order_id)).status_code == 200  # connections have prepared their statements
    asked = counted_statements(monkeypatch)
    assert (await payer.pay(placed[1].order_id)).status_code == 200
    assert len(asked) == 2, asked


def any_purchase(**fields: Any) -> tuple[Order, Order]:
    """An order before and after it was paid, of each mode."""
    order = any_order(new_id(), **fields)
    begun = begin_payment(order, METHOD, datetime.now(UTC), new_id())
    return order, paid(begun.order, METHOD, "driver", datetime.now(UTC)).order


@pytest.mark.parametrize(
    "order",
    [
        {"mode": Mode.PRE_AUTH, "requested_minor": 100}, {"mode": Mode.PREPAID, "requested_minor": 100},
        {
            "status": Status.CONFIRMED, "volume_ml": 1_000, "gross_minor": 785, "discount_minor": 5,
            "confirmed_at": datetime.now(UTC), "dispensed_at": datetime.now(UTC), "breakdown": ({"kind": "coupon"},),
            "reservation_id": new_id(), "coupon_ids": ("c",), "points": 3,
        },
    ],
    ids=lambda order: order.get("mode", Mode.POST_PAY),
)  # fmt: skip
def test_all_that_a_payment_changes_of_an_order_is_written(order: dict[str, Any]) -> None:
    before, after = any_purchase(**order)
    changed = {one.name for one in fields(Order) if getattr(before, one.name) != getattr(after, one.name)}
    assert changed <= set(repository.CHANGES)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("moment", ["2026-03-29T00:30", "2026-10-25T23:59", "2026-11-02T03:00", "2027-01-01T00:00"])
async def test_periods_begin_in_the_database_when_they_do_in_the_domain(
    payments: Payments, zone: str, moment: str
) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    (row,) = await payments.rows(
        """SELECT date_trunc('day', $1::timestamptz, $2) AS day, date_trunc('week', $1::timestamptz, $2) AS week,
                  date_trunc('month', $1::timestamptz, $2) AS month""",
        at, zone,
    )  # fmt: skip
    assert row == {period.value: start.astimezone(UTC) for period, start in period_starts(at, zone).items()}
