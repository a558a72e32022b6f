"""Orders that wait too long: what was due while nobody ran is done afterwards, once, and fuel is never forgotten."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from payments.use_cases import ending, timeouts
from servicekit.testkit import eventually

from .card_kit import open_card, put_money
from .conftest import Payments
from .orders import dispense, done, kinds, placed


async def age(payments: Payments, minutes: int = 60) -> None:
    """As if all orders had waited for so long."""
    await payments.sql("UPDATE orders SET waiting_since = waiting_since - make_interval(mins => $1)", minutes)


async def becomes(payments: Payments, order_id: str, status: str) -> dict[str, Any]:
    """The order's row once it has this status."""

    async def look() -> list[dict[str, Any]]:
        return await payments.rows("SELECT * FROM orders WHERE order_id = $1 AND status = $2", UUID(order_id), status)

    return (await eventually(look))[0]


async def raised(payments: Payments, kind: str) -> None:
    """Returns once just this exception was raised."""

    async def look() -> bool:
        return await kinds(payments) == [kind]

    await eventually(look)


async def test_an_order_that_nobody_served_expires_once_however_many_look(payments: Payments) -> None:
    driver = payments.driver()
    order = await placed(payments, driver, await payments.station(), fill_up=True)
    assert order["expires_at"] is not None
    await timeouts.fire_timeouts(payments.process)
    assert await payments.sql("SELECT status FROM orders") == "placed"
    await age(payments, minutes=11)
    await asyncio.gather(*(timeouts.fire_timeouts(payments.process) for _ in range(4)))
    found = await becomes(payments, order["order_id"], "expired")
    assert (found["reason"], found["version"], found["waiting_since"]) == ("placed_too_long", 2, None)
    assert await payments.sql("SELECT count(*) FROM order_steps") == 2


async def test_fuel_that_nobody_paid_is_a_debt_that_people_hear_of_once(payments: Payments) -> None:
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    await done(payments, payments.machine(), order_id, "confirm", volume_ml=30_000)
    await age(payments)
    await raised(payments, "timeout")
    await age(payments)
    await timeouts.fire_timeouts(payments.process)
    assert await kinds(payments) == ["timeout"]
    found = (await payments.rows("SELECT status, waiting_since FROM orders"))[0]
    assert found == {"status": "confirmed", "waiting_since": None}


async def test_a_correction_that_nobody_accepts_is_for_people(payments: Payments) -> None:
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    await done(payments, payments.machine(), order_id, "confirm", volume_ml=30_000)
    await done(payments, payments.machine(), order_id, "adjust", volume_ml=31_000, reason="pump_fault")
    await age(payments)
    await raised(payments, "timeout")


async def test_what_is_paid_and_dispensed_is_over_by_itself(payments: Payments) -> None:
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    await done(payments, payments.machine(), order_id, "confirm", volume_ml=30_000)
    await payments.sql("UPDATE orders SET (status, paid_at, paid_minor) = ('paid', now(), 23550)")
    await age(payments)
    assert (await becomes(payments, order_id, "completed"))["completed_at"] is not None


async def test_one_order_that_cannot_be_handled_does_not_hold_up_the_others(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await payments.station()
    bad, good = [
        (await placed(payments, payments.driver(), station, pump_id=pump, fill_up=True))["order_id"] for pump in "12"
    ]
    end = ending.end_order

    async def breaks(process: Any, tx: Any, order: Any, *rest: Any) -> Any:
        if str(order.order_id) == bad:
            raise ZeroDivisionError
        return await end(process, tx, order, *rest)

    monkeypatch.setattr(timeouts, "end_order", breaks)
    await age(payments)
    await becomes(payments, good, "expired")
    monkeypatch.undo()
    await age(payments)
    await becomes(payments, bad, "expired")


async def with_card(payments: Payments, mode: str, amount_minor: int) -> tuple[dict[str, str], UUID, str]:
    """(driver, card, order): an order whose money came first, from a card with 500.00 on it."""
    driver, station = payments.driver(), await payments.station()
    card_id = await open_card(payments, driver)
    await put_money(payments, card_id, 50_000)
    order_id = (await placed(payments, driver, station, mode=mode, amount_minor=amount_minor))["order_id"]
    body = {"method": "fuel_card", "card_id": str(card_id)}
    headers = driver | {"Idempotency-Key": "pay"}
    reply = await payments.client.post(f"/v1/orders/{order_id}/pay", json=body, headers=headers)
    assert reply.status_code == 200, reply.text
    return driver, card_id, order_id


async def available(payments: Payments) -> int:
    """What may be spent from the one card there is."""
    return await payments.sql(
        "SELECT posted_minor - held_minor FROM balances JOIN accounts USING (account_id) WHERE kind = 'card'"
    )


async def test_a_hold_unlocks_the_pump_and_is_explained_to_the_end(payments: Payments) -> None:
    driver, _, order_id = await with_card(payments, "pre_auth", 30_000)
    machine = payments.machine()
    mine = (await payments.client.get(f"/v1/orders/{order_id}", headers=driver)).json()
    assert (mine["status"], mine["pump"]) == (
        "authorised",
        {"state": "unlocked", "max_minor": 30_000, "max_ml": 38_217},
    )
    assert mine["hold"] == {"authorised_minor": 30_000, "captured_minor": 0, "released_minor": 0}
    assert await available(payments) == 20_000
    await done(payments, machine, order_id, "fuelling")
    await done(payments, machine, order_id, "dispenses", **dispense(29_427))
    mine = (await payments.client.get(f"/v1/orders/{order_id}", headers=driver)).json()
    assert mine["hold"] == {"authorised_minor": 30_000, "captured_minor": 23_100, "released_minor": 6_900}
    assert (mine["status"], mine["may_leave"], mine["pump"]["state"]) == ("completed", True, "done")
    assert await available(payments) == 26_900


async def test_a_hold_that_nobody_used_goes_back(payments: Payments) -> None:
    driver, _, order_id = await with_card(payments, "pre_auth", 30_000)
    await age(payments)
    await becomes(payments, order_id, "expired")
    assert await available(payments) == 50_000
    mine = (await payments.client.get(f"/v1/orders/{order_id}", headers=driver)).json()
    assert mine["hold"] == {"authorised_minor": 30_000, "captured_minor": 0, "released_minor": 30_000}


async def test_a_pump_that_gave_nothing_releases_the_hold(payments: Payments) -> None:
    _, _, order_id = await with_card(payments, "pre_auth", 30_000)
    await done(payments, payments.machine(), order_id, "fuelling")
    await done(payments, payments.machine(), order_id, "dispenses", **dispense(0))
    assert (await becomes(payments, order_id, "expired"))["reason"] == "nothing_dispensed"
    assert await available(payments) == 50_000


async def test_a_driver_who_cancels_has_the_hold_back(payments: Payments) -> None:
    driver, _, order_id = await with_card(payments, "pre_auth", 30_000)
    assert (await done(payments, driver, order_id, "cancel"))["status"] == "cancelled"
    assert await available(payments) == 50_000


async def test_what_was_paid_first_and_never_given_is_for_people(payments: Payments) -> None:
    driver, _, order_id = await with_card(payments, "prepaid", 30_000)
    mine = (await payments.client.get(f"/v1/orders/{order_id}", headers=driver)).json()
    assert (mine["status"], mine["pump"]["state"], mine["may_leave"]) == ("paid", "unlocked", False)
    await age(payments)
    await raised(payments, "paid_not_dispensed")
    given = await done(payments, payments.machine(), order_id, "dispenses", **dispense(30_000))
    assert given["outcome"] == "taken"
    assert await available(payments) == 50_000 - 23_550
