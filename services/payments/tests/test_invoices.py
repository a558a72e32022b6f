"""Invoices from the wish to the red one, whatever the provider does; and titles that only their owner can read."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from payments.domain.order_words import Status
from payments.domain.orders import Order
from payments.providers.wechat_fapiao import FapiaoSettings, WechatFapiao
from payments.repository import invoices as repository
from payments.use_cases.invoice_work import carry_on, step
from payments.use_cases.people import PeopleData
from schemas.vocabulary import Fuel
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import OPERATOR, Payments
from .documents import paid, store, store_refund
from .paying_kit import till_of
from .provider_kit import Played, played

ORGANISATION = {
    "kind": "organisation", "name": "canary-Example Ltd", "taxpayer_id": "91110000CANARY000P",
    "address": "canary-1 Example Road", "phone": "010-12345678", "bank_name": "canary-Bank",
    "bank_account": "62001234567890", "email": "books@canary-forecourt.example",
}  # fmt: skip
SETUP = FapiaoSettings(sellers={OPERATOR: "1900000109"}, tax_codes={Fuel.PETROL_95: "1" * 19})


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


@pytest.fixture
def issuing(payments: Payments, world: Played, monkeypatch: pytest.MonkeyPatch) -> Payments:
    """The service, whose seller can issue invoices."""
    world.fault("wechat")
    world.tax_office.applications.clear()
    monkeypatch.setattr(payments.process, "fapiao", WechatFapiao(world.wechat_settings(), SETUP, world.http))
    return payments


async def call(
    payments: Payments, method: str, path: str, driver: str, status: int, body: Any = None, key: str | None = None
) -> Any:
    headers = payments.driver(driver) | {"Idempotency-Key": key or str(new_id())}
    reply = await payments.client.request(method, path, headers=headers, json=body)
    assert reply.status_code == status, reply.text
    return reply.json() if reply.content else None


async def titled(payments: Payments, driver: str) -> str:
    return (await call(payments, "POST", "/v1/invoice-titles", driver, 201, ORGANISATION))["title_id"]


async def asked(payments: Payments, driver: str, *orders: Order) -> Any:
    known = await titles(payments, driver)
    title = known[0]["title_id"] if known else await titled(payments, driver)
    body = {"title_id": title, "order_ids": [str(order.order_id) for order in orders]}
    return await call(payments, "POST", "/v1/invoices", driver, 202, body)


async def titles(payments: Payments, driver: str) -> list[dict[str, Any]]:
    return (await call(payments, "GET", "/v1/invoice-titles", driver, 200))["titles"]


async def until(payments: Payments, driver: str, invoice_id: str, status: str) -> Any:
    """The invoice once it has the status; whatever waits is due."""

    async def look() -> Any:
        await payments.sql("UPDATE invoices SET next_look_at = now() WHERE next_look_at > now()")
        await carry_on(payments.process)
        found = await call(payments, "GET", f"/v1/invoices/{invoice_id}", driver, 200)
        return found if found["status"] == status else None

    return await eventually(look)


async def two_orders(payments: Payments) -> tuple[str, Order, Order]:
    station, driver = await payments.station(name="Wangjing"), str(new_id())
    first, second = paid(driver, station), paid(driver, station, volume_ml=12_345, discount_minor=500)
    await store(payments, first, second)
    return driver, first, second


async def test_titles_are_kept_sealed_and_are_ones_own(payments: Payments) -> None:
    driver, other = str(new_id()), str(new_id())
    title = await titled(payments, driver)
    assert (await call(payments, "POST", "/v1/invoice-titles", driver, 200, ORGANISATION))["title_id"] == title
    path = f"/v1/invoice-titles/{title}"
    changed = await call(payments, "PATCH", path, driver, 200, {"email": None, "name": "canary-Other Ltd"})
    assert (changed["email"], changed["name"]) == (None, "canary-Other Ltd")
    assert await titles(payments, driver) == [changed]
    assert await titles(payments, other) == []
    for method in ("PATCH", "DELETE"):
        await call(payments, method, path, other, 404, {"name": "canary-x"} if method == "PATCH" else None)
    (row,) = await payments.rows("SELECT sealed FROM invoice_titles")
    assert b"canary" not in row["sealed"]
    await call(payments, "DELETE", path, driver, 204)
    await call(payments, "DELETE", path, driver, 404)


@pytest.mark.parametrize(
    "change",
    [
        {"taxpayer_id": "91110000CANARY000Q"}, {"taxpayer_id": None}, {"kind": "individual"}, {"email": "no mail"},
        {"name": "canary-\u202eLtd"}, {"bank_account": "x"}, {"other": "field"},
    ],
)  # fmt: skip
async def test_a_title_that_fits_no_invoice_is_422(payments: Payments, change: dict[str, Any]) -> None:
    problem = await call(payments, "POST", "/v1/invoice-titles", str(new_id()), 422, ORGANISATION | change)
    assert "CANARY000Q" not in str(problem)


async def test_an_invoice_is_issued_for_several_orders(issuing: Payments, world: Played) -> None:
    driver, first, second = await two_orders(issuing)
    await store_refund(issuing, first, 3_550, volume_ml=4_522)
    invoice = await asked(issuing, driver, first, second)
    assert (invoice["status"], invoice["buyer"], invoice["waits_for"]) == ("requested", None, None)
    issued = await until(issuing, driver, invoice["invoice_id"], "issued")
    assert issued["buyer"] == ORGANISATION
    assert issued["total_minor"] == 20_000 + second.paid_minor == issued["net_minor"] + issued["tax_minor"]
    assert [line["quantity"] for line in issued["lines"]] == ["25.478", "12.345"]
    ((one,),) = (tries.values() for tries in world.tax_office.applications.values())
    assert (one.number, one.request.fapiao_information.total_amount) == (issued["number"], issued["total_minor"])
    assert (await call(issuing, "GET", "/v1/invoices", driver, 200))["invoices"] == [issued]
    path = f"/v1/invoices/{invoice['invoice_id']}"
    for foreign in (path, f"{path}/preview"):
        await call(issuing, "GET", foreign, str(new_id()), 404)
    preview = await issuing.client.get(f"{path}/preview?language=zh", headers=issuing.driver(driver))
    assert (preview.status_code, preview.headers["content-type"]) == (200, "application/pdf")
    assert preview.content.startswith(b"%PDF-")


async def test_the_stored_reply_names_nobody(payments: Payments) -> None:
    driver, first, _ = await two_orders(payments)
    body = {"title_id": await titled(payments, driver), "order_ids": [str(first.order_id)]}
    replies = await asyncio.gather(
        *(call(payments, "POST", "/v1/invoices", driver, 202, body, key="k") for _ in range(5))
    )
    assert all(reply == replies[0] for reply in replies)
    assert await payments.sql("SELECT count(*) FROM invoices") == 1
    for reply in await payments.rows("SELECT reply FROM idempotency_keys"):
        assert b"canary" not in reply["reply"]
    (row,) = await payments.rows("SELECT buyer FROM invoices")
    assert b"canary" not in row["buyer"]


async def test_without_a_seller_set_up_it_waits_and_says_so(
    payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments.process, "fapiao", None)
    driver, first, _ = await two_orders(payments)
    invoice = await asked(payments, driver, first)
    await carry_on(payments.process)
    waiting = await call(payments, "GET", f"/v1/invoices/{invoice['invoice_id']}", driver, 200)
    assert waiting["status"] == "requested"
    assert "set up" in waiting["waits_for"]


async def test_two_invoices_that_race_for_an_order_leave_one(payments: Payments) -> None:
    driver, first, second = await two_orders(payments)
    title = await titled(payments, driver)
    bodies = [
        {"title_id": title, "order_ids": [str(one.order_id) for one in orders]}
        for orders in [(first, second), (second,), (second, first)] * 3
    ]
    replies = await asyncio.gather(*(
        payments.client.post(
            "/v1/invoices", json=body, headers=payments.driver(driver) | {"Idempotency-Key": str(new_id())}
        )
        for body in bodies
    ))  # fmt: skip
    assert sorted(reply.status_code for reply in replies) == [202] + [409] * 8
    assert {reply.json().get("type") for reply in replies} == {None, "urn:forecourt:problem:already-invoiced"}


async def test_foreign_orders_and_titles_are_not_to_be_seen(payments: Payments) -> None:
    driver, first, _ = await two_orders(payments)
    title, other = await titled(payments, driver), str(new_id())
    body = {"title_id": title, "order_ids": [str(first.order_id)]}
    assert (await call(payments, "POST", "/v1/invoices", other, 404, body))["type"].endswith("no-such-title")
    body["title_id"] = await titled(payments, other)
    assert (await call(payments, "POST", "/v1/invoices", other, 404, body))["type"].endswith("no-such-order")
    assert await payments.sql("SELECT count(*) FROM invoices") == 0


async def test_what_a_company_paid_is_not_the_drivers_to_invoice(payments: Payments) -> None:
    driver, station_id = str(new_id()), await payments.station()
    card_id, company_id = new_id(), new_id()
    await payments.sql("INSERT INTO companies (company_id, currency, opened_at) VALUES ($1, 'CNY', now())", company_id)
    await payments.sql(
        """INSERT INTO cards (card_id, version, driver_id, company_id, account_id, kind, currency, time_zone, named,
                              frozen, blocked, limits, opened_at)
           VALUES ($1, 1, $2, $3, $3, 'virtual', 'CNY', 'Asia/Shanghai', true, false, false, '{}', now())""",
        card_id, driver, company_id,
    )  # fmt: skip
    order = paid(driver, station_id, method="fuel_card", card_id=card_id)
    await store(payments, order)
    body = {"title_id": await titled(payments, driver), "order_ids": [str(order.order_id)]}
    refused = await call(payments, "POST", "/v1/invoices", driver, 409, body)
    assert (refused["type"].rpartition(":")[2], refused["order_ids"]) == ("paid-by-company", [str(order.order_id)])


async def test_a_try_that_fails_is_made_again_four_times(issuing: Payments, world: Played) -> None:
    driver, first, second = await two_orders(issuing)
    world.tax_office.fail_next = 4
    invoice = await asked(issuing, driver, first)
    await until(issuing, driver, invoice["invoice_id"], "issued")
    assert [len(tries) for tries in world.tax_office.applications.values()] == [5]
    world.tax_office.fail_next = 5
    failing = await asked(issuing, driver, second)
    failed = await until(issuing, driver, failing["invoice_id"], "failed")
    assert (failed["error"], failed["buyer"]) == ("refused_by_tax_office", None)
    assert await issuing.sql("SELECT count(*) FROM invoice_lines WHERE is_live") == 1


@pytest.mark.parametrize("fault", ["silent", "drop", "busy", "unsigned", "busy_done"])
async def test_no_answer_never_issues_twice(issuing: Payments, world: Played, fault: str) -> None:
    driver, first, _ = await two_orders(issuing)
    quick = WechatFapiao(world.wechat_settings(timeout_seconds=0.3), SETUP, world.http)
    issuing.process.fapiao = quick
    world.fault("wechat", **{fault: 1.0, "only": ["create"], "times": 1})
    invoice = await asked(issuing, driver, first)
    await until(issuing, driver, invoice["invoice_id"], "issued")
    assert [len(tries) for tries in world.tax_office.applications.values()] == [1]


async def test_many_workers_issue_it_once(issuing: Payments, world: Played) -> None:
    driver, first, _ = await two_orders(issuing)
    invoice = await asked(issuing, driver, first)
    for _ in range(6):
        await issuing.sql("UPDATE invoices SET next_look_at = now()")
        await asyncio.gather(*(carry_on(issuing.process) for _ in range(4)))
    await until(issuing, driver, invoice["invoice_id"], "issued")
    assert [len(tries) for tries in world.tax_office.applications.values()] == [1]


async def test_a_refund_takes_the_invoice_back_and_frees_its_orders(issuing: Payments, world: Played) -> None:
    async with till_of(issuing, world, "wechat") as till:
        order = await till.paid(await till.order())
        invoice = await asked(issuing, till.driver_id, order)
        issued = await until(issuing, till.driver_id, invoice["invoice_id"], "issued")
        ((one,),) = (tries.values() for tries in world.tax_office.applications.values())
        assert [charge.amount for charge in one.request.fapiao_information.transaction_information] == [23_550]
        assert (await till.refund(order, amount_minor=3_550)).status_code < 300

        async def refunded() -> bool:
            await till.look()
            return (await till.now(order)).refunded_minor == 3_550

        await eventually(refunded)
    red = await until(issuing, till.driver_id, invoice["invoice_id"], "reversed")
    assert red["number"] == issued["number"]
    assert red["red_number"] == one.red_number
    new = await asked(issuing, till.driver_id, order)
    assert (await until(issuing, till.driver_id, new["invoice_id"], "issued"))["total_minor"] == 20_000


async def test_a_refund_while_it_is_looked_at_is_not_missed(issuing: Payments) -> None:
    driver, first, _ = await two_orders(issuing)
    invoice = await asked(issuing, driver, first)
    await until(issuing, driver, invoice["invoice_id"], "issued")
    async with issuing.store.connection() as connection:
        async with connection.transaction():
            found = await repository.find(connection, UUID(invoice["invoice_id"]))
            assert found is not None
            await connection.execute("UPDATE orders SET refunded_minor = 100 WHERE order_id = $1", first.order_id)
            await repository.wake(connection, first.order_id)
            looking = asyncio.create_task(step(issuing.process, found.invoice))
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            await eventually(lambda: issuing.sql(waits))
        await looking
    await until(issuing, driver, invoice["invoice_id"], "reversed")


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"status": Status.REFUNDING}, "order-not-settled"),
        ({"status": Status.REFUNDED, "refunded_minor": 23_550}, "nothing-to-invoice"),
        ({"currency": "EUR"}, "currency-not-invoiced"),
        ({"operator": "another"}, "several-sellers"),
    ],
)
async def test_what_cannot_be_invoiced_is_409(payments: Payments, changes: dict[str, Any], slug: str) -> None:
    driver, first, _ = await two_orders(payments)
    other = paid(driver, first.station_id, **changes)
    await store(payments, other)
    body = {"title_id": await titled(payments, driver), "order_ids": [str(first.order_id), str(other.order_id)]}
    problem = await call(payments, "POST", "/v1/invoices", driver, 409, body)
    assert problem["type"] == f"urn:forecourt:problem:{slug}"


async def test_a_refund_before_it_is_issued_ends_it(issuing: Payments, monkeypatch: pytest.MonkeyPatch) -> None:
    driver, first, _ = await two_orders(issuing)
    issuer = issuing.process.fapiao
    monkeypatch.setattr(issuing.process, "fapiao", None)
    invoice = await asked(issuing, driver, first)
    await store_refund(issuing, first, 1_000)
    monkeypatch.setattr(issuing.process, "fapiao", issuer)
    await issuing.store.transact(lambda tx: repository.wake(tx, first.order_id))
    assert (await until(issuing, driver, invoice["invoice_id"], "failed"))["error"] == "order_refunded"


async def test_a_person_is_told_moved_and_forgotten_but_for_what_the_law_keeps(
    issuing: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, first, second = await two_orders(issuing)
    issued = await asked(issuing, driver, first)
    await until(issuing, driver, issued["invoice_id"], "issued")
    monkeypatch.setattr(issuing.process, "fapiao", None)
    await asked(issuing, driver, second)
    into, people = str(new_id()), PeopleData(issuing.process)
    await issuing.store.transact(lambda tx: people.merge(tx, driver, into))
    told = await people.collect(into)
    assert [title["name"] for title in told["invoice_titles"]] == [ORGANISATION["name"]]
    assert {str(one["status"]) for one in told["invoices"]} == {"requested", "issued"}
    erased = await issuing.store.transact(lambda tx: people.erase(tx, into))
    assert (erased["invoice_titles"], erased["invoices_not_issued"]) == (1, 1)
    kept = {str(one["status"]): one["buyer"] for one in (await people.collect(into))["invoices"]}
    assert kept["failed"] is None
    assert kept["issued"]["name"] == ORGANISATION["name"]
