"""A station and the orders at its pumps: it says what was given, once, and what does not fit is kept for people."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from payments.domain.order_words import Command, Status
from payments.domain.orders import advance, allowed_commands
from payments.repository import orders
from payments.use_cases.people import PeopleData
from servicekit.ids import new_id
from servicekit.problems import Problem
from servicekit.testkit import eventually

from .conftest import Payments
from .orders import dispense, done, kinds, place, placed, post, slug_of, wish
from .station_kit import any_order, stored


async def test_what_the_station_confirms_can_be_paid(payments: Payments) -> None:
    driver, crew = payments.driver(), payments.staff("orders:write", role="attendant")
    order = await placed(payments, driver, await payments.station(), fill_up=True)
    confirmed = await done(payments, crew, order["order_id"], "confirm", volume_ml=30_000, amount_minor=23_550)
    assert (confirmed["status"], confirmed["gross_minor"], confirmed["payable_minor"]) == ("confirmed", 23_550, 23_550)
    assert "driver_id" not in confirmed
    mine = (await payments.client.get(f"/v1/orders/{order['order_id']}", headers=driver)).json()
    assert (mine["next"], mine["volume_ml"]) == (["pay"], 30_000)
    assert await kinds(payments) == []


async def test_an_amount_alone_says_the_volume(payments: Payments) -> None:
    order = await placed(payments, payments.driver(), await payments.station(), fill_up=True)
    confirmed = await done(payments, payments.machine(), order["order_id"], "confirm", amount_minor=23_550)
    assert confirmed["volume_ml"] == 30_000


async def test_volume_and_amount_must_agree_to_the_minor_unit(payments: Payments) -> None:
    order = await placed(payments, payments.driver(), await payments.station(), fill_up=True)
    reply = await post(
        payments, payments.machine(), order["order_id"], "confirm", volume_ml=30_000, amount_minor=23_551
    )
    assert (reply.status_code, slug_of(reply)) == (409, "quantities-disagree")
    assert (reply.json()["amount_minor"], reply.json()["computed_minor"]) == (23_551, 23_550)
    nothing = await post(payments, payments.machine(), order["order_id"], "confirm", volume_ml=None)
    assert nothing.status_code == 422


async def test_another_amount_is_the_drivers_to_accept(payments: Payments) -> None:
    driver, crew = payments.driver(), payments.staff("orders:write")
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    await done(payments, crew, order_id, "confirm", volume_ml=30_000)
    adjusted = await done(payments, crew, order_id, "adjust", volume_ml=29_000, reason="typing_error")
    assert (adjusted["status"], adjusted["gross_minor"], adjusted["reason"]) == ("adjusted", 22_765, "typing_error")
    accepted = await done(payments, driver, order_id, "accept")
    assert (accepted["status"], accepted["next"]) == ("confirmed", ["pay"])
    assert (await post(payments, crew, order_id, "adjust", volume_ml=1, reason="for fun")).status_code == 422


async def test_of_two_confirms_at_once_one_wins(payments: Payments) -> None:
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    replies = await asyncio.gather(
        *(post(payments, payments.machine(), order_id, "confirm", volume_ml=volume) for volume in (10_000, 20_000))
    )
    assert sorted(reply.status_code for reply in replies) == [200, 409]
    refused = max(replies, key=lambda reply: reply.status_code)
    assert (slug_of(refused), refused.json()["order_status"]) == ("invalid-transition", "confirmed")
    assert "adjust" in refused.json()["allowed"]


async def test_of_confirm_and_cancel_at_once_one_wins(payments: Payments) -> None:
    driver, station = payments.driver(), await payments.station()
    for _ in range(5):
        order_id = (await placed(payments, driver, station, fill_up=True))["order_id"]
        confirmed, cancelled = await asyncio.gather(
            post(payments, payments.machine(), order_id, "confirm", volume_ml=1_000),
            post(payments, driver, order_id, "cancel"),
        )
        assert sorted([confirmed.status_code, cancelled.status_code]) == [200, 409]
        if confirmed.status_code == 200:
            await done(payments, payments.staff("orders:write", "refunds:write"), order_id, "reject", reason="other")


async def test_a_step_from_what_is_no_longer_so_changes_nothing(payments: Payments) -> None:
    order = await stored(payments, any_order(await payments.station()))
    steps = [advance(order, command, "somebody", order.placed_at) for command in (Command.CANCEL, Command.REJECT)]
    await payments.store.transact(lambda tx: orders.save(tx, steps[:1]))
    with pytest.raises(Problem, match="changed by somebody else"):
        await payments.store.transact(lambda tx: orders.save(tx, steps[1:]))
    assert await payments.rows("SELECT status, version FROM orders") == [{"status": "cancelled", "version": 2}]
    assert await payments.sql("SELECT count(*) FROM order_steps") == 2


async def test_an_order_is_for_its_own_station(payments: Payments) -> None:
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    other = payments.machine(operators=["another-operator"])
    bodies = {
        "confirm": {"volume_ml": 1}, "adjust": {"volume_ml": 1, "reason": "other"}, "reject": {"reason": "other"},
        "complete": {}, "fuelling": {}, "dispenses": dispense(1),
    }  # fmt: skip
    for action, body in bodies.items():
        assert (await post(payments, other, order_id, action, **body)).status_code == 404
        assert (await post(payments, payments.driver(), order_id, action, **body)).status_code == 403
    station = (await payments.rows("SELECT station_id FROM orders"))[0]["station_id"]
    assert (await payments.client.get(f"/v1/stations/{station}/orders", headers=other)).status_code == 404
    assert (await payments.client.get(f"/v1/stations/{new_id()}/orders", headers=payments.machine())).status_code == 404


async def test_the_board_shows_the_orders_of_a_station(payments: Payments) -> None:
    station, crew = await payments.station(), payments.staff("orders:write")
    made = [
        (await placed(payments, payments.driver(), station, pump_id=str(n), fill_up=True))["order_id"] for n in "123"
    ]
    path = f"/v1/stations/{station}/orders"
    page = (await payments.client.get(f"{path}?limit=2", headers=crew)).json()
    rest = (await payments.client.get(f"{path}?limit=2&cursor={page['next_cursor']}", headers=crew)).json()
    assert [one["order_id"] for one in page["orders"] + rest["orders"]] == made[::-1]
    one = (await payments.client.get(f"{path}?pump_id=2&status=placed", headers=crew)).json()["orders"]
    assert [(order["order_id"], order["next"]) for order in one] == [(made[1], ["confirm", "reject", "dispense"])]


async def test_a_pumps_report_confirms_once_however_often_it_comes(payments: Payments) -> None:
    machine, driver = payments.machine(), payments.driver()
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    replies = await asyncio.gather(
        *(post(payments, machine, order_id, "dispenses", **dispense(30_000)) for _ in range(5))
    )
    assert {(reply.status_code, reply.content) for reply in replies} == {(200, replies[0].content)}
    assert replies[0].json()["outcome"] == "taken"
    assert await payments.sql("SELECT count(*) FROM order_steps") == 2
    other = await post(payments, machine, order_id, "dispenses", **dispense(31_000))
    assert (other.status_code, slug_of(other)) == (422, "dispense-id-reused")


async def test_another_report_for_an_order_is_kept_for_people(payments: Payments) -> None:
    machine = payments.machine()
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    await done(payments, machine, order_id, "dispenses", **dispense(30_000))
    for _ in range(2):
        again = await post(payments, machine, order_id, "dispenses", **dispense(30_000, "pump-3-2"))
        assert (again.status_code, slug_of(again), again.json()["outcome"]) == (409, "dispense-kept-aside", "second")
    assert await kinds(payments) == ["over_dispensed"]
    assert await payments.sql("SELECT count(*) FROM dispenses") == 2


async def test_the_pump_and_the_crew_may_say_the_same(payments: Payments) -> None:
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    await done(payments, payments.staff("orders:write"), order_id, "confirm", volume_ml=30_000)
    agreed = await done(payments, payments.machine(), order_id, "dispenses", **dispense(30_000))
    assert (agreed["outcome"], await kinds(payments)) == ("agreed", [])
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    await done(payments, payments.staff("orders:write"), order_id, "confirm", volume_ml=30_000)
    refused = await post(payments, payments.machine(), order_id, "dispenses", **dispense(30_500))
    assert (refused.json()["outcome"], await kinds(payments)) == ("disagrees", ["mismatch"])


async def test_fuel_that_was_given_while_a_station_was_offline_is_never_lost(payments: Payments) -> None:
    driver, machine = payments.driver(), payments.machine()
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    await done(payments, driver, order_id, "cancel")
    late = await post(payments, machine, order_id, "dispenses", **dispense(30_000))
    assert (late.status_code, late.json()["outcome"], await kinds(payments)) == (409, "unpaid", ["timeout"])
    details = await payments.sql("SELECT details FROM exceptions")
    assert "30000" in details
    assert "cancelled" in details


async def test_fuel_before_money_is_paid_afterwards_whatever_was_planned(payments: Payments) -> None:
    station = await payments.station()
    order = await placed(payments, payments.driver(), station, mode="pre_auth", amount_minor=20_000)
    assert (order["pump"]["state"], order["next"]) == ("locked", ["pay", "cancel"])
    await done(payments, payments.machine(), order["order_id"], "dispenses", **dispense(10_000))
    found = (await payments.rows("SELECT mode, status, gross_minor FROM orders"))[0]
    assert found == {"mode": "post_pay", "status": "confirmed", "gross_minor": 7_850}


async def test_nobody_cancels_once_fuel_flows(payments: Payments) -> None:
    driver, machine = payments.driver(), payments.machine()
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    for _ in range(2):
        flowing = await done(payments, machine, order_id, "fuelling")
        assert flowing["version"] == 2
    refused = await post(payments, driver, order_id, "cancel")
    assert (refused.status_code, slug_of(refused)) == (409, "invalid-transition")
    unused = await done(payments, machine, order_id, "dispenses", **dispense(0))
    assert unused["outcome"] == "nothing"
    mine = (await payments.client.get(f"/v1/orders/{order_id}", headers=driver)).json()
    assert (mine["status"], mine["reason"]) == ("rejected", "nothing_dispensed")


async def test_who_drove_off_does_not_keep_the_pump(payments: Payments) -> None:
    station = await payments.station()
    order_id = (await placed(payments, payments.driver(), station, fill_up=True))["order_id"]
    assert slug_of(await place(payments, payments.driver(), wish(station, fill_up=True))) == "pump-busy"
    await done(payments, payments.machine(), order_id, "confirm", volume_ml=30_000)
    await placed(payments, payments.driver(), station, fill_up=True)


async def test_a_debt_is_forgiven_by_managers_only(payments: Payments) -> None:
    order_id = (await placed(payments, payments.driver(), await payments.station(), fill_up=True))["order_id"]
    attendant = payments.staff("orders:write", role="attendant")
    await done(payments, attendant, order_id, "confirm", volume_ml=30_000)
    refused = await post(payments, attendant, order_id, "reject", reason="other")
    assert (refused.status_code, slug_of(refused)) == (409, "fuel-given")
    rejected = await done(
        payments, payments.staff("orders:write", "refunds:write"), order_id, "reject", reason="wrong_order"
    )
    assert (rejected["status"], rejected["reason"]) == ("rejected", "wrong_order")


async def test_a_dispute_is_for_people_and_its_words_are_sealed(payments: Payments) -> None:
    driver_id = str(new_id())
    driver = payments.driver(driver_id)
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    early = await post(payments, driver, order_id, "disputes", reason="wrong_amount")
    assert slug_of(early) == "invalid-transition"
    await done(payments, payments.machine(), order_id, "confirm", volume_ml=30_000)
    await payments.sql("UPDATE orders SET status = 'paid', paid_at = now(), paid_minor = 23550")
    text = "canary-the display showed less"
    disputed = await done(payments, driver, order_id, "disputes", reason="wrong_amount", text=text)
    assert (disputed["status"], await kinds(payments)) == ("disputed", ["disputed"])
    assert text.encode() not in await payments.sql("SELECT text FROM disputes")
    assert "canary" not in await payments.sql("SELECT details FROM exceptions")
    assert (await PeopleData(payments.process).collect(driver_id))["disputes"][0]["text"] == text


async def test_whatever_the_status_does_not_allow_is_refused_and_says_what_it_does(payments: Payments) -> None:
    driver, head = payments.driver(), payments.staff("orders:write", "refunds:write")
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    asked: list[tuple[Command, dict[str, str], str, dict[str, Any]]] = [
        (Command.ACCEPT, driver, "accept", {}), (Command.CANCEL, driver, "cancel", {}),
        (Command.DISPUTE, driver, "disputes", {"reason": "other"}),
        (Command.CONFIRM, head, "confirm", {"volume_ml": 30_000}),
        (Command.ADJUST, head, "adjust", {"volume_ml": 30_000, "reason": "other"}),
        (Command.REJECT, head, "reject", {"reason": "other"}), (Command.COMPLETE, head, "complete", {}),
        (Command.BEGIN_DISPENSE, head, "fuelling", {}),
    ]  # fmt: skip
    for status in Status:
        await payments.sql("UPDATE orders SET (status, waiting_since) = ($1, NULL)", status)
        async with payments.store.connection() as connection:
            order = await orders.find(connection, UUID(order_id))
        assert order is not None
        allowed = allowed_commands(order)
        for command, who, action, body in asked:
            if command not in allowed:
                reply = await post(payments, who, order_id, action, **body)
                assert (reply.status_code, slug_of(reply)) == (409, "invalid-transition"), (status, command)
                assert (reply.json()["order_status"], reply.json()["allowed"]) == (status, sorted(allowed))
    assert await payments.sql("SELECT version FROM orders") == 1


async def test_the_words_of_a_dispute_go_with_the_person_and_die_with_the_person(payments: Payments) -> None:
    drivers = [str(new_id()) for _ in range(2)]
    order_id = (await placed(payments, payments.driver(drivers[0]), await payments.station(), fill_up=True))["order_id"]
    await payments.sql("UPDATE orders SET (status, dispensed_at, paid_at, paid_minor) = ('paid', now(), now(), 23550)")
    await done(payments, payments.driver(drivers[0]), order_id, "disputes", reason="not_mine", text="canary-not me")
    people = PeopleData(payments.process)
    await payments.store.transact(lambda tx: people.merge(tx, *drivers))
    assert (await people.collect(drivers[0]))["disputes"] == []
    assert (await people.collect(drivers[1]))["disputes"][0]["text"] == "canary-not me"
    erased = await payments.store.transact(lambda tx: people.erase(tx, drivers[1]))
    assert erased["texts_of_disputes"] == 1
    kept = (await people.collect(drivers[1]))["disputes"]
    assert [(one["reason"], one["text"]) for one in kept] == [("not_mine", None)]


async def test_events_of_orders_reach_kafka_in_their_order(payments: Payments) -> None:
    driver, crew = payments.driver(), payments.staff("orders:write")
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    await done(payments, crew, order_id, "confirm", volume_ml=30_000)
    await done(payments, crew, order_id, "adjust", volume_ml=29_000, reason="pump_fault")
    await done(payments, driver, order_id, "accept")
    await eventually(payments.outbox_is_empty)
    told = [one for one in await payments.kafka.read("payments.orders") if one.key == order_id.encode()]
    events = [one.event() for one in told]
    assert [type(event).__name__ for event in events] == [
        "OrderPlacedV1", "OrderConfirmedV1", "OrderAdjustedV1", "OrderConfirmedV1"
    ]  # fmt: skip
    assert [json.loads(one.value or b"{}")["version"] for one in told] == [1, 2, 3, 4]
