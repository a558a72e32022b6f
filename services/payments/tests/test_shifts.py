"""Shifts: one open at a station, closed once, and what is paid belongs to exactly one."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from hypothesis import given
from hypothesis import strategies as st

from payments.domain.order_words import Status
from payments.domain.orders import Step
from payments.domain.shifts import Left, Refunds, Sales, summarise
from payments.repository import orders
from servicekit.ids import new_id

from .conftest import Payments
from .station_kit import any_order, dispensed_order, paid_order

CREW = ("orders:write",)


async def opened(payments: Payments, station_id: UUID, headers: dict[str, str]) -> dict[str, Any]:
    answer = await payments.client.post(f"/v1/stations/{station_id}/shifts", headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def closed(payments: Payments, shift: dict[str, Any], headers: dict[str, str], **body: Any) -> httpx.Response:
    return await payments.client.post(f"/v1/shifts/{shift['shift_id']}/close", json=body, headers=headers)


async def test_a_station_has_one_open_shift(payments: Payments) -> None:
    station_id, crew = await payments.station(), payments.staff(*CREW)
    first = await opened(payments, station_id, crew)
    again = await payments.client.post(f"/v1/stations/{station_id}/shifts", headers=crew)
    assert (again.status_code, again.json()["shift_id"]) == (200, first["shift_id"])
    other = await payments.client.post(f"/v1/stations/{station_id}/shifts", headers=payments.staff(*CREW))
    assert (other.status_code, other.json()["shift_id"]) == (409, first["shift_id"])
    await closed(payments, first, crew)
    await opened(payments, station_id, payments.staff(*CREW))


async def test_a_shift_adds_up_what_was_paid_in_it(payments: Payments) -> None:
    station_id, crew = await payments.station(), payments.staff(*CREW)
    await paid_order(payments, station_id)  # before there were shifts
    shift = await opened(payments, station_id, crew)
    await paid_order(payments, station_id)
    await paid_order(payments, station_id, pump_id="2", method="fuel_card", discount_minor=550, paid_minor=23_000)
    await paid_order(payments, await payments.station())
    await dispensed_order(payments, station_id)
    so_far = (await payments.client.get(f"/v1/shifts/{shift['shift_id']}", headers=crew)).json()
    counted = {
        "meters": [{"pump_id": "1", "fuel": "petrol_95", "meter_start_ml": 10, "meter_end_ml": 30_510}],
        "tills": [{"method": "wechat", "amount_minor": 23_500}],
    }
    answer = await closed(payments, shift, crew, counted=counted)
    summary = answer.json()["summary"]
    assert so_far["closed_at"] is None
    assert {name: so_far["summary"][name] for name in ("orders", "paid_minor")} == {"orders": 2, "paid_minor": 46_550}
    assert summary["orders"] == 2
    assert summary["gross_minor"] - summary["discount_minor"] == summary["paid_minor"] == summary["net_minor"] == 46_550
    assert [(one["pump_id"], one["volume_ml"]) for one in summary["by_pump"]] == [("1", 30_000), ("2", 30_000)]
    assert [(one["method"], one["paid_minor"]) for one in summary["by_method"]] == [
        ("fuel_card", 23_000), ("wechat", 23_550)
    ]  # fmt: skip
    assert (summary["unpaid_orders"], summary["unpaid_minor"]) == (1, 23_550)
    assert summary["meters"][0]["difference_ml"] == 500
    assert summary["tills"][0]["difference_minor"] == -50


async def test_a_shift_closed_again_is_as_it_was(payments: Payments) -> None:
    station_id, crew = await payments.station(), payments.staff(*CREW)
    shift = await opened(payments, station_id, crew)
    counted = {"tills": [{"method": "wechat", "amount_minor": 1}]}
    answers = await asyncio.gather(*(closed(payments, shift, crew, counted=counted) for _ in range(3)))
    await paid_order(payments, station_id)
    answers += [await closed(payments, shift, payments.staff(*CREW)), await closed(payments, shift, crew)]
    assert len({answer.text for answer in answers}) == 1
    other = await closed(payments, shift, crew, counted={"tills": []})
    assert (other.status_code, other.json()["type"]) == (409, "urn:forecourt:problem:shift-closed")


async def test_a_payment_that_commits_while_a_shift_closes_is_in_exactly_one(payments: Payments) -> None:
    station_id, crew = await payments.station(), payments.staff(*CREW)
    first = await opened(payments, station_id, crew)
    now = datetime.now(UTC)
    order = any_order(station_id, status=Status.PAID, paid_at=now, paid_minor=100, gross_minor=100, method="wechat")
    async with payments.store.connection() as connection, connection.transaction():
        await orders.save(connection, [Step(order, None, None, None, "test", now)])  # paid before the close ...
        before = (await closed(payments, first, crew)).json()  # ... and committed after it
    second = await opened(payments, station_id, crew)
    after = (await closed(payments, second, crew)).json()
    assert [one["summary"]["orders"] for one in (before, after)] == [0, 1]


async def test_shifts_belong_to_those_who_work_there(payments: Payments) -> None:
    station_id, crew = await payments.station(), payments.staff(*CREW)
    foreign = payments.staff(*CREW, grants=[{"role": "manager", "operators": ["another"], "stations": []}])
    shift = await opened(payments, station_id, crew)
    asked = [
        ("POST", f"/v1/stations/{station_id}/shifts"), ("GET", f"/v1/stations/{station_id}/shifts"),
        ("GET", f"/v1/shifts/{shift['shift_id']}"), ("POST", f"/v1/shifts/{shift['shift_id']}/close"),
        ("GET", f"/v1/stations/{new_id()}/shifts"), ("GET", f"/v1/shifts/{new_id()}"),
    ]  # fmt: skip
    for method, path in asked:
        assert (await payments.client.request(method, path, headers=foreign)).status_code == 404, path
    assert (await payments.client.get(asked[1][1], headers=payments.driver())).status_code == 403


async def test_shifts_are_listed_a_page_at_a_time(payments: Payments) -> None:
    station_id, crew = await payments.station(), payments.staff(*CREW)
    made = []
    for _ in range(3):
        made.append((await opened(payments, station_id, crew))["shift_id"])
        await closed(payments, {"shift_id": made[-1]}, crew)
    seen, cursor = [], None
    while True:
        parameters = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await payments.client.get(f"/v1/stations/{station_id}/shifts", params=parameters, headers=crew)
        seen += [one["shift_id"] for one in page.json()["shifts"]]
        if (cursor := page.json()["next_cursor"]) is None:
            break
    assert seen == made[::-1]


async def test_a_counter_that_runs_backwards_is_refused(payments: Payments) -> None:
    station_id, crew = await payments.station(), payments.staff(*CREW)
    shift = await opened(payments, station_id, crew)
    meter = {"pump_id": "1", "fuel": "petrol_95", "meter_start_ml": 2, "meter_end_ml": 1}
    answer = await closed(payments, shift, crew, counted={"meters": [meter]})
    assert (answer.status_code, "backwards" in answer.text) == (422, True)


words = st.sampled_from("abc")
numbers = st.integers(0, 10**9)
sales = st.lists(st.builds(Sales, words, words, words, numbers, numbers, numbers, numbers, numbers), max_size=20)
refunds = st.dictionaries(words, st.tuples(numbers, numbers), max_size=3)


@given(sales, refunds)
def test_every_way_to_divide_a_shift_adds_up_to_the_same(sold: list[Sales], back: dict[str, tuple[int, int]]) -> None:
    given_back = [Refunds(method, *numbers) for method, numbers in back.items()]
    summary = summarise(sold, given_back, Left(0, 0, 0))
    for name in ("orders", "volume_ml", "gross_minor", "discount_minor", "paid_minor"):
        for parts in ("by_pump", "by_fuel", "by_method"):
            assert sum(part[name] for part in summary[parts]) == summary[name]
    assert summary["net_minor"] == summary["paid_minor"] - sum(
        part["refunded_minor"] for part in summary["by_method"]
    )  # fmt: skip
