"""A driver places orders: the price is frozen, a pump has one car, what cannot be is refused and says which field."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from servicekit.ids import new_id

from .conftest import Payments
from .orders import place, placed, wish


async def test_an_order_freezes_the_price_of_its_moment(payments: Payments) -> None:
    station, driver = await payments.station(7_850), payments.driver()
    order = await placed(payments, driver, station, fill_up=True)
    await payments.price(station, 8_000, version=2)
    again = (await payments.client.get(f"/v1/orders/{order['order_id']}", headers=driver)).json()
    assert (again["status"], again["price_mills"], again["price_version"]) == ("placed", 7_850, 1)
    assert (again["next"], again["pump"], again["currency"]) == (["cancel"], None, "CNY")


async def test_a_price_that_changed_is_told_with_the_new_one(payments: Payments) -> None:
    station = await payments.station(7_850)
    for expected in ({"expected_price_mills": 7_800}, {"expected_price_version": 7}):
        reply = await place(payments, payments.driver(), wish(station, fill_up=True, **expected))
        assert (reply.status_code, reply.json()["type"][-13:]) == (409, "price-changed")
        assert (reply.json()["price_mills"], reply.json()["price_version"], reply.json()["currency"]) == (
            7_850,
            1,
            "CNY",
        )
    assert await payments.sql("SELECT count(*) FROM orders") == 0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "amount_minor"),
    ({"amount_minor": 100, "volume_ml": 100}, "amount_minor"),
    ({"amount_minor": 10**12}, "amount_minor"),
    ({"amount_minor": 0}, "amount_minor"),
    ({"amount_minor": "100"}, "amount_minor"),
    ({"volume_ml": 10**9}, "volume_ml"),
    ({"volume_ml": 4_999_999}, "volume_ml"),
    ({"amount_minor": 100, "currency": "EUR"}, "currency"),
    ({"volume_ml": 100, "mode": "prepaid"}, "amount_minor"),
    ({"fill_up": True, "mode": "pre_auth"}, "max_amount_minor"),
    ({"fill_up": True, "max_amount_minor": 100}, "max_amount_minor"),
    ({"fill_up": True, "pump_id": "a pump"}, "pump_id"),
    ({"fill_up": True, "status": "paid"}, "status"),
    ({"fill_up": True, "points": -1}, "points"),
]


@pytest.mark.parametrize(("fields", "field"), WRONG, ids=str)
async def test_what_cannot_be_is_refused_and_names_the_field(
    payments: Payments, fields: dict[str, Any], field: str
) -> None:
    reply = await place(payments, payments.driver(), wish(await payments.station(12_000), **fields))
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["pointer"] == f"/{field}"


async def test_a_station_must_be_known_open_and_sell_the_grade(payments: Payments) -> None:
    driver = payments.driver()
    unknown = await place(payments, driver, wish(new_id(), fill_up=True))
    no_price = await place(payments, driver, wish(await payments.station(None), fill_up=True))
    not_sold = await place(payments, driver, wish(await payments.station(fuels=["diesel_b0"]), fill_up=True))
    closed = await payments.station()
    await payments.sql("UPDATE stations SET closed = true WHERE station_id = $1", closed)
    shut = await place(payments, driver, wish(closed, fill_up=True))
    slugs = [reply.json()["type"].rpartition(":")[2] for reply in (unknown, no_price, not_sold, shut)]
    assert slugs == ["no-such-station", "fuel-not-sold", "fuel-not-sold", "station-closed"]


async def test_of_two_drivers_at_one_pump_one_gets_it(payments: Payments) -> None:
    station = await payments.station()
    replies = await asyncio.gather(*(place(payments, payments.driver(), wish(station, fill_up=True)) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409, 409]
    assert {reply.json().get("type", "")[-9:] for reply in replies} == {"", "pump-busy"}


async def test_a_driver_has_few_orders_open_however_fast_they_come(payments: Payments) -> None:
    station, driver = await payments.station(), payments.driver()
    replies = await asyncio.gather(
        *(place(payments, driver, wish(station, pump_id=str(pump), fill_up=True)) for pump in range(5))
    )
    assert sorted(reply.status_code for reply in replies) == [201, 201, 201, 409, 409]


async def test_the_same_request_fifty_times_makes_one_order(payments: Payments) -> None:
    driver, asked = payments.driver(), wish(await payments.station(), amount_minor=20_000, mode="pre_auth")
    replies = await asyncio.gather(*(place(payments, driver, asked, key="once") for _ in range(50)))
    assert {(reply.status_code, reply.content) for reply in replies} == {(201, replies[0].content)}
    assert await payments.sql("SELECT count(*) FROM orders") == 1
    other = await place(payments, driver, asked | {"amount_minor": 1}, key="once")
    assert other.status_code == 422
    assert (await place(payments, driver, asked, key=None)).status_code == 400


async def test_an_order_is_its_drivers_alone(payments: Payments) -> None:
    order = await placed(payments, payments.driver(), await payments.station(), fill_up=True)
    other, path = payments.driver(), f"/v1/orders/{order['order_id']}"
    assert (await payments.client.get(path, headers=other)).status_code == 404
    for action in ("accept", "cancel"):
        assert (await payments.client.post(f"{path}/{action}", headers=other)).status_code == 404
    reply = await payments.client.post(f"{path}/disputes", json={"reason": "other"}, headers=other)
    assert reply.status_code == 404
    assert (await payments.client.get("/v1/orders", headers=other)).json() == {"orders": [], "next_cursor": None}


async def test_orders_are_listed_page_by_page(payments: Payments) -> None:
    driver = payments.driver()
    station, made = await payments.station(), []
    for pump in range(3):
        order = await placed(payments, driver, station, pump_id=str(pump), fill_up=True)
        made.insert(0, order["order_id"])
    await payments.client.post(f"/v1/orders/{made[1]}/cancel", headers=driver)
    first = (await payments.client.get("/v1/orders?limit=2", headers=driver)).json()
    rest = (await payments.client.get(f"/v1/orders?limit=2&cursor={first['next_cursor']}", headers=driver)).json()
    assert [one["order_id"] for one in first["orders"] + rest["orders"]] == made
    assert rest["next_cursor"] is None
    open_ones = (await payments.client.get("/v1/orders?status=placed&status=paid", headers=driver)).json()["orders"]
    assert [one["order_id"] for one in open_ones] == [made[0], made[2]]
    later = (await payments.client.get("/v1/orders?from=2099-01-01T00:00:00Z", headers=driver)).json()["orders"]
    assert later == []


async def test_nobody_who_is_erased_places_an_order(payments: Payments) -> None:
    driver_id = str(new_id())
    await payments.sql("INSERT INTO erasures (subject, erased_at, erased) VALUES ($1, now(), '{}')", driver_id)
    reply = await place(payments, payments.driver(driver_id), wish(await payments.station(), fill_up=True))
    assert reply.status_code == 401
    assert await payments.sql("SELECT count(*) FROM orders") == 0


async def test_an_order_that_was_placed_and_cancelled_is_told(payments: Payments) -> None:
    driver = payments.driver()
    order = await placed(payments, driver, await payments.station(), volume_ml=30_000)
    assert order["requested_minor"] == 23_550
    cancelled = await payments.client.post(f"/v1/orders/{order['order_id']}/cancel", headers=driver)
    assert (cancelled.json()["status"], cancelled.json()["next"]) == ("cancelled", [])
    again = await payments.client.post(f"/v1/orders/{order['order_id']}/cancel", headers=driver)
    assert (again.status_code, again.json()["order_status"], again.json()["allowed"]) == (409, "cancelled", [])
    steps = await payments.rows("SELECT command, after FROM order_steps WHERE order_id = $1 ORDER BY version",
                                UUID(order["order_id"]))  # fmt: skip
    assert steps == [{"command": None, "after": "placed"}, {"command": "cancel", "after": "cancelled"}]
