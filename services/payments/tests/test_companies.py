"""Companies' fuel cards: invitations, what managers may do, what strangers may not, and the end of a company."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from payments.domain.cards import account_of
from payments.domain.ledger import Account, AccountKind, Posting, Transfer, TransferKind
from payments.repository import ledger
from servicekit.auth import STEP_UP_SECONDS
from servicekit.ids import new_id

from .card_kit import add, look, put_money
from .conftest import Payments

NAME = "canary-swift-deliveries"


def slug(reply: httpx.Response) -> str:
    return reply.json()["type"].rpartition(":")[2]


async def found(payments: Payments, manager: dict[str, str]) -> str:
    """A company's id."""
    reply = await payments.client.post("/v1/companies", json={"name": NAME}, headers=manager)
    assert reply.status_code == 201, reply.text
    return reply.json()["company_id"]


async def code_of(
    payments: Payments, manager: dict[str, str], company_id: str, kind: str = "cards", **body: Any
) -> str:
    reply = await payments.client.post(f"/v1/companies/{company_id}/{kind}", json=body, headers=manager)
    assert reply.status_code == 201, reply.text
    return reply.json()["invitation_code"]


async def claim(payments: Payments, driver: dict[str, str], code: str) -> httpx.Response:
    return await add(payments, driver, kind="company", invitation_code=code)


async def company_card(payments: Payments, manager: dict[str, str], company_id: str, driver: dict[str, str]) -> str:
    """A card of the company in the driver's hands."""
    reply = await claim(payments, driver, await code_of(payments, manager, company_id))
    assert reply.status_code == 201, reply.text
    return reply.json()["card_id"]


async def test_a_manager_founds_a_company_whose_name_is_stored_sealed(payments: Payments):
    manager_id = new_id()
    manager = payments.driver(manager_id)
    company_id = await found(payments, manager)
    shown = (await payments.client.get(f"/v1/companies/{company_id}", headers=manager)).json()
    assert (shown["name"], shown["managers"], shown["cards"]) == (NAME, [str(manager_id)], 0)
    listed = (await payments.client.get("/v1/companies", headers=manager)).json()["companies"]
    assert [one["company_id"] for one in listed] == [company_id]
    (row,) = await payments.rows("SELECT c::text AS text FROM companies c")
    assert NAME.encode().hex() not in row["text"]
    assert await payments.sql("SELECT count(*) FROM idempotency_keys") == 0


async def test_a_code_gives_one_driver_a_card_with_its_limits(payments: Payments):
    manager, drivers = payments.driver(), [payments.driver() for _ in range(5)]
    company_id = await found(payments, manager)
    code = await code_of(payments, manager, company_id, limits={"day": {"amount_minor": 50_000}})
    replies = await asyncio.gather(*(claim(payments, driver, code.lower()) for driver in drivers))
    assert sorted(reply.status_code for reply in replies) == [201, *[422] * 4]
    winner = next(index for index, reply in enumerate(replies) if reply.status_code == 201)
    card = await look(payments, drivers[winner], replies[winner].json()["card_id"])
    assert (card["company_id"], card["named"], card["balance"], card["expires_at"]) == (company_id, True, None, None)
    assert card["limits"]["day"]["amount_minor"] == 50_000
    assert code not in str(await payments.rows("SELECT code_hash, limits FROM company_invitations"))


async def test_codes_run_out_and_are_not_guessed(payments: Payments):
    manager, driver = payments.driver(), payments.driver()
    code = await code_of(payments, manager, await found(payments, manager))
    await payments.sql("UPDATE company_invitations SET expires_at = now() RETURNING 1")
    for tried in [code, *["ABCDE-FGHJK-LMNPQ-RSTUV"] * 9]:
        assert slug(await claim(payments, driver, tried)) == "card-refused"
    assert slug(await claim(payments, driver, code)) == "too-many-tries"
    reply = await payments.client.post("/v1/companies/claims", json={"invitation_code": code}, headers=driver)
    assert (reply.status_code, slug(reply)) == (429, "too-many-tries")


async def test_a_manager_sees_limits_blocks_and_takes_back_cards(payments: Payments):
    manager_id, driver = new_id(), payments.driver()
    manager = payments.driver(manager_id)
    stale = payments.driver(manager_id, auth_time=int(datetime.now(UTC).timestamp()) - STEP_UP_SECONDS - 10)
    company_id = await found(payments, manager)
    card_id = await company_card(payments, manager, company_id, driver)
    path, ask = f"/v1/companies/{company_id}/cards", payments.client.request
    (one,) = (await ask("GET", path, headers=manager)).json()["fuel_cards"]
    assert (one["card_id"], one["used"]["month"]["count"], one["number"][:6]) == (card_id, 0, "990001")
    limited = await ask("PUT", f"{path}/{card_id}/limits", json={"fuels": ["e10"]}, headers=stale)
    assert limited.json()["limits"]["fuels"] == ["e10"]
    loosened = await ask("PUT", f"{path}/{card_id}/limits", json={}, headers=stale)
    assert (loosened.status_code, slug(loosened)) == (401, "step-up-required")
    by_driver = await ask("PUT", f"/v1/fuel-cards/{card_id}/limits", json={}, headers=driver)
    assert (by_driver.status_code, slug(by_driver)) == (409, "company-card")
    assert (await ask("POST", f"{path}/{card_id}/freeze", headers=stale)).json()["status"] == "blocked"
    await ask("POST", f"/v1/fuel-cards/{card_id}/unfreeze", headers=driver)
    assert (await look(payments, driver, card_id))["status"] == "blocked"
    assert (await ask("POST", f"{path}/{card_id}/unfreeze", headers=stale)).status_code == 401
    assert (await ask("POST", f"{path}/{card_id}/unfreeze", headers=manager)).json()["status"] == "active"
    assert (await ask("DELETE", f"{path}/{card_id}", headers=manager)).status_code == 204
    assert (await look(payments, driver, card_id))["status"] == "closed"
    assert (await ask("GET", path, headers=manager)).json()["fuel_cards"] == []


async def test_a_foreign_company_is_not_there(payments: Payments):
    manager, stranger, driver = payments.driver(), payments.driver(), payments.driver()
    company_id = await found(payments, manager)
    card_id = await company_card(payments, manager, company_id, driver)
    path, key = f"/v1/companies/{company_id}", {"Idempotency-Key": "k"}
    questions = [
        ("GET", path, None), ("DELETE", path, None), ("GET", f"{path}/cards", None), ("POST", f"{path}/cards", {}),
        ("POST", f"{path}/cards/{card_id}/freeze", None), ("POST", f"{path}/cards/{card_id}/unfreeze", None),
        ("PUT", f"{path}/cards/{card_id}/limits", {}), ("DELETE", f"{path}/cards/{card_id}", None),
        ("POST", f"{path}/managers", None), ("DELETE", f"{path}/managers/{new_id()}", None),
        ("GET", f"{path}/transactions", None), ("GET", f"{path}/recharges/{new_id()}", None),
    ]  # fmt: skip
    for who in (stranger, driver):
        for method, url, body in questions:
            reply = await payments.client.request(method, url, json=body, headers=who | key)
            assert (reply.status_code, slug(reply)) == (404, "no-such-company"), (method, url)
    other = await found(payments, stranger)
    moved = await payments.client.post(f"/v1/companies/{other}/cards/{card_id}/freeze", headers=stranger)
    assert (moved.status_code, slug(moved)) == (404, "no-such-card")
    assert (await payments.client.get("/v1/companies", headers=driver)).json() == {"companies": []}


async def test_managers_come_by_a_code_and_the_last_one_stays(payments: Payments):
    first_id, second_id = new_id(), new_id()
    first, second = payments.driver(first_id), payments.driver(second_id)
    company_id = await found(payments, first)
    code = await code_of(payments, first, company_id, "managers")
    assert slug(await claim(payments, second, code)) == "card-refused"
    reply = await payments.client.post("/v1/companies/claims", json={"invitation_code": code}, headers=second)
    assert reply.json() == {"company_id": company_id}
    path = f"/v1/companies/{company_id}/managers"
    assert (await payments.client.delete(f"{path}/{first_id}", headers=second)).status_code == 204
    assert (await payments.client.get(f"/v1/companies/{company_id}", headers=first)).status_code == 404
    last = await payments.client.delete(f"{path}/{second_id}", headers=second)
    assert (last.status_code, slug(last)) == (409, "last-manager")
    unknown = await payments.client.delete(f"{path}/{first_id}", headers=second)
    assert (unknown.status_code, slug(unknown)) == (404, "no-such-manager")


async def test_two_managers_who_remove_each_other_at_once_leave_one(payments: Payments):
    ids = [new_id(), new_id()]
    managers = [payments.driver(one) for one in ids]
    company_id = await found(payments, managers[0])
    code = await code_of(payments, managers[0], company_id, "managers")
    await payments.client.post("/v1/companies/claims", json={"invitation_code": code}, headers=managers[1])
    path = f"/v1/companies/{company_id}/managers"
    await asyncio.gather(
        payments.client.delete(f"{path}/{ids[1]}", headers=managers[0]),
        payments.client.delete(f"{path}/{ids[0]}", headers=managers[1]),
    )
    assert await payments.sql("SELECT count(*) FROM company_managers") == 1


async def test_a_company_that_is_closed_closes_its_cards_and_forgets_its_name(payments: Payments):
    manager, driver = payments.driver(), payments.driver()
    company_id = await found(payments, manager)
    card_id = await company_card(payments, manager, company_id, driver)
    waiting = await code_of(payments, manager, company_id)
    await put_money(payments, card_id, 300)  # by no recharge, so it is for people
    reply = await payments.client.delete(f"/v1/companies/{company_id}", headers=manager)
    assert reply.json() == {"company_id": company_id, "currency": "CNY", "refunded_minor": 0, "left_minor": 300}
    assert (await look(payments, driver, card_id))["status"] == "closed"
    assert slug(await claim(payments, driver, waiting)) == "card-refused"
    assert await payments.sql("SELECT count(*) FROM companies WHERE name IS NOT NULL") == 0
    assert (await payments.client.get(f"/v1/companies/{company_id}", headers=manager)).status_code == 404


async def test_what_its_cards_buy_is_on_the_companys_statement_and_each_driver_sees_the_own(payments: Payments):
    manager, drivers = payments.driver(), [payments.driver(), payments.driver()]
    company_id = await found(payments, manager)
    card_ids = [await company_card(payments, manager, company_id, driver) for driver in drivers]
    await put_money(payments, card_ids[0], 1_000)
    order_id = new_id()
    await payments.sql(
        """INSERT INTO orders SELECT (jsonb_populate_record(NULL::orders, jsonb_build_object(
               'order_id', $1::text, 'version', 1, 'driver_id', 'd', 'station_id', $1::text, 'operator', 'o',
               'pump_id', '1', 'fuel', 'e10', 'mode', 'post_pay', 'status', 'paid', 'price_mills', 1,
               'price_version', 1, 'currency', 'CNY', 'measure', 'amount', 'placed_at', now(), 'discount_minor', 0,
               'breakdown', '[]'::jsonb, 'coupon_ids', '[]'::jsonb, 'points', 0, 'card_id', $2::text,
               'authorised_minor', 0, 'paid_minor', 400, 'refunded_minor', 0, 'waiting_since', now()
           ))).* RETURNING 1""",
        str(order_id), card_ids[1],
    )  # fmt: skip
    (row,) = await payments.rows("SELECT company_id FROM companies")
    account = account_of(row["company_id"], "CNY")
    postings = (Posting(account, -400), Posting(Account(AccountKind.STATION, "s", "CNY"), 400))
    bought = Transfer(new_id(), TransferKind.PAYMENT, "k", postings, order_id)
    await payments.store.transact(lambda tx: ledger.post(tx, [bought]))
    ask = payments.client.get
    whole = (await ask(f"/v1/companies/{company_id}/transactions", headers=manager)).json()["transactions"]
    assert [(one["amount_minor"], one["order_id"]) for one in whole] == [(-400, str(order_id)), (1_000, None)]
    own = [
        (await ask(f"/v1/fuel-cards/{card_id}/transactions", headers=driver)).json()["transactions"]
        for card_id, driver in zip(card_ids, drivers, strict=True)
    ]
    assert [[one["amount_minor"] for one in lines] for lines in own] == [[], [-400]]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a\u0000b"}, {"name": "x", "currency": "EUR"}])
async def test_companies_that_make_no_sense_are_refused(payments: Payments, body: dict[str, str]):
    reply = await payments.client.post("/v1/companies", json=body, headers=payments.driver())
    assert reply.status_code == 422


async def test_there_is_an_end_to_a_drivers_companies(payments: Payments):
    manager = payments.driver()
    for _ in range(5):
        await found(payments, manager)
    reply = await payments.client.post("/v1/companies", json={"name": NAME}, headers=manager)
    assert (reply.status_code, slug(reply)) == (409, "too-many-companies")
