"""Fuel cards over HTTP: getting one, looking, freezing, limiting, naming, unbinding; and who may not."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from payments.use_cases import card_stock
from servicekit.auth import STEP_UP_SECONDS
from servicekit.ids import new_id

from . import card_kit
from .card_kit import HOLDER, add, canary_number, look, open_card, stock
from .conftest import Payments


def slug(reply: httpx.Response) -> str:
    return reply.json()["type"].rpartition(":")[2]


async def test_a_virtual_card_is_opened_and_looked_at(payments: Payments):
    driver = payments.driver()
    card_id = await open_card(payments, driver)
    card = await look(payments, driver, card_id)
    assert (card["status"], card["kind"], card["currency"], card["named"]) == ("active", "virtual", "CNY", False)
    assert card["number"].startswith("990001******")
    assert len(card["number"]) == 16
    assert card["balance"] == {"posted_minor": 0, "held_minor": 0, "available_minor": 0}
    assert card["limits"]["plate"] is None
    assert card["used"]["day"]["count"] == 0
    opened, expires = (datetime.fromisoformat(card[name]) for name in ("opened_at", "expires_at"))
    assert expires.year - opened.year == 3
    listed = (await payments.client.get("/v1/fuel-cards", headers=driver)).json()["fuel_cards"]
    assert [one["card_id"] for one in listed] == [str(card_id)]


async def test_a_second_request_with_the_same_key_opens_no_second_card(payments: Payments):
    driver = payments.driver()
    replies = await asyncio.gather(*(add(payments, driver, "k", kind="virtual") for _ in range(10)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert await payments.sql("SELECT count(*) FROM cards") == 1


async def test_whoever_has_a_physical_card_binds_it_and_no_number_is_stored_in_clear(payments: Payments):
    driver, number = payments.driver(), canary_number()
    await stock(payments, number)
    reply = await add(
        payments, driver, kind="physical", number=f"{number[:4]} {number[4:]}", activation_code="7fq2k9xm"
    )
    assert reply.status_code == 201, reply.text
    card = await look(payments, driver, reply.json()["card_id"])
    assert card["number"] == f"{number[:6]}******{number[-4:]}"
    rows = await payments.rows("SELECT c::text AS text FROM cards c UNION ALL SELECT s::text FROM card_stock s")
    assert not [row for row in rows if number in row["text"] or number.encode().hex() in row["text"]]


async def test_of_many_who_bind_one_card_at_once_one_gets_it(payments: Payments):
    number = canary_number()
    await stock(payments, number)
    drivers = [payments.driver() for _ in range(8)]
    replies = await asyncio.gather(
        *(add(payments, driver, kind="physical", number=number, activation_code="7FQ2-K9XM") for driver in drivers)
    )
    assert sorted(reply.status_code for reply in replies) == [201, *[409] * 7]
    assert {slug(reply) for reply in replies if reply.status_code == 409} == {"card-bound"}
    assert await payments.sql("SELECT count(*) FROM cards") == 1


async def test_after_five_wrong_codes_the_right_one_is_wrong_too_until_the_card_gets_a_new_one(payments: Payments):
    number, body = canary_number(), {"kind": "physical", "activation_code": "7FQ2-K9XM"}
    await stock(payments, number)
    for _ in range(5):
        reply = await add(payments, payments.driver(), **body | {"number": number, "activation_code": "AAAA-AAAA"})
        assert (reply.status_code, slug(reply)) == (422, "card-refused")
    assert slug(await add(payments, payments.driver(), **body | {"number": number})) == "card-refused"
    await stock(payments, number, "NEWC-ODE2")
    reply = await add(payments, payments.driver(), **body | {"number": number, "activation_code": "NEWC-ODE2"})
    assert reply.status_code == 201


async def test_an_unknown_number_is_refused_like_a_wrong_code_and_guessing_ends(payments: Payments):
    driver = payments.driver()
    for _ in range(10):
        reply = await add(payments, driver, kind="physical", number=canary_number(), activation_code="AAAA-AAAA")
        assert (reply.status_code, slug(reply)) == (422, "card-refused")
    number = canary_number()
    await stock(payments, number)
    right = {"kind": "physical", "number": number, "activation_code": "7FQ2-K9XM"}
    reply = await add(payments, driver, **right)
    assert (reply.status_code, slug(reply)) == (429, "too-many-tries")
    assert reply.headers["retry-after"]
    await payments.sql("UPDATE binding_tries SET since = since - interval '1 day' RETURNING 1")
    assert (await add(payments, driver, **right)).status_code == 201


@pytest.mark.parametrize("number", ["9900000000000001", "99000000000", "990000000000000x", "9900-0000-0000-0002-01"])
async def test_what_is_no_card_number_is_refused_without_repeating_it(payments: Payments, number: str):
    reply = await add(payments, payments.driver(), kind="physical", number=number, activation_code="7FQ2-K9XM")
    assert (reply.status_code, slug(reply)) == (422, "invalid-input")
    assert number not in reply.text


async def test_a_bound_card_is_not_put_into_stock_again_and_one_that_was_unbound_is(payments: Payments):
    driver, number = payments.driver(), canary_number()
    await stock(payments, number)
    body = {"kind": "physical", "number": number}
    card_id = (await add(payments, driver, **body, activation_code="7FQ2-K9XM")).json()["card_id"]
    lines = ["number,activation_code,currency\n", f"{number},SECOND-CODE,CNY\n"]
    assert (await card_stock.import_cards(payments.process, lines)).cards == {"bound": 1}
    assert (await payments.client.delete(f"/v1/fuel-cards/{card_id}", headers=driver)).status_code == 200
    assert (await card_stock.import_cards(payments.process, lines)).cards == {"renewed": 1}
    other = await add(payments, payments.driver(), **body, activation_code="SECOND-CODE")
    assert other.status_code == 201
    assert other.json()["card_id"] != card_id


async def test_lines_that_make_no_sense_are_left_out_and_named_without_their_contents(payments: Payments):
    number = canary_number()
    lines = [
        "number,activation_code,currency", f"{number},7FQ2-K9XM,CNY", f"{number[:-1]}x,7FQ2-K9XM,CNY",
        f"{number},SHORT,CNY", f"{number},7FQ2-K9XM,EUR", "only-one-field",
    ]  # fmt: skip
    imported = await card_stock.import_cards(payments.process, lines)
    assert imported.cards == {"added": 1}
    assert [line for line, _ in imported.wrong] == [3, 4, 5, 6]
    assert number[:8] not in str(imported.wrong)
    with pytest.raises(ValueError, match="columns"):
        await card_stock.import_cards(payments.process, [number])


async def test_a_frozen_card_is_frozen_at_once_and_unfrozen_after_a_fresh_sign_in(payments: Payments):
    driver_id = new_id()
    driver, stale = payments.driver(driver_id), payments.driver(driver_id, auth_time=stale_time())
    card_id = await open_card(payments, driver)
    for _ in range(2):
        reply = await payments.client.post(f"/v1/fuel-cards/{card_id}/freeze", headers=stale)
        assert (reply.status_code, reply.json()["status"]) == (200, "frozen")
    refused = await payments.client.post(f"/v1/fuel-cards/{card_id}/unfreeze", headers=stale)
    assert (refused.status_code, slug(refused)) == (401, "step-up-required")
    reply = await payments.client.post(f"/v1/fuel-cards/{card_id}/unfreeze", headers=driver)
    assert (reply.status_code, reply.json()["status"]) == (200, "active")


def stale_time() -> int:
    return int(datetime.now(UTC).timestamp()) - STEP_UP_SECONDS - 10


async def test_limits_are_lowered_at_once_and_raised_after_a_fresh_sign_in(payments: Payments):
    driver_id = new_id()
    driver, stale = payments.driver(driver_id), payments.driver(driver_id, auth_time=stale_time())
    path = f"/v1/fuel-cards/{await open_card(payments, driver)}/limits"
    low = {"per_fill": {"amount_minor": 30_000}, "fuels": ["petrol_95"], "plate": "京 CANARY1"}
    reply = await payments.client.put(path, json=low, headers=stale)
    assert reply.status_code == 200, reply.text
    assert reply.json()["limits"]["per_fill"] == {"amount_minor": 30_000, "volume_ml": None}
    assert reply.json()["limits"]["plate"] == "京CANARY1"
    for loose in (
        {}, low | {"per_fill": {"amount_minor": 30_001}}, low | {"fuels": ["petrol_95", "e10"]},
        low | {"plate": "京CANARY2"}, low | {"plate": None},
    ):  # fmt: skip
        refused = await payments.client.put(path, json=loose, headers=stale)
        assert (refused.status_code, slug(refused)) == (401, "step-up-required"), loose
        weak = payments.issuer.bearer("pay", sub=str(driver_id), auth_time=int(datetime.now(UTC).timestamp()))
        refused = await payments.client.put(path, json=loose, headers=weak)
        assert (refused.status_code, slug(refused)) == (403, "missing-scope"), loose
    tighter = low | {"day": {"count": 1}}
    assert (await payments.client.put(path, json=tighter, headers=stale)).status_code == 200
    assert (await payments.client.put(path, json={}, headers=driver)).json()["limits"]["fuels"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"per_fill": {"amount_minor": -1}}, {"per_fill": {"amount_minor": 1.5}}, {"year": {}}, {"fuels": ["water"]},
        {"windows": [{"weekdays": [1], "from_minute": 10, "until_minute": 10}]},
        {"windows": [{"weekdays": [8], "from_minute": 1, "until_minute": 10}]}, {"stations": ["here"]},
        {"plate": ""}, {"plate": " - · "},
    ],
)  # fmt: skip
async def test_limits_that_make_no_sense_are_refused(payments: Payments, wrong: dict[str, object]):
    driver = payments.driver()
    path = f"/v1/fuel-cards/{await open_card(payments, driver)}/limits"
    reply = await payments.client.put(path, json=wrong, headers=driver)
    assert (reply.status_code, slug(reply)) == (422, "invalid-input")


async def test_a_holder_is_named_once_and_shown_masked(payments: Payments):
    driver = payments.driver()
    path = f"/v1/fuel-cards/{await open_card(payments, driver)}/holder"
    wrong = await payments.client.put(path, json=HOLDER | {"document": "110101199001010016"}, headers=driver)
    assert (wrong.status_code, slug(wrong)) == (422, "invalid-input")
    assert "110101" not in wrong.text
    card = (await payments.client.put(path, json=HOLDER, headers=driver)).json()
    assert card["named"]
    assert card["expires_at"] is None
    assert card["holder"] == {"name": HOLDER["name"], "document": "110101********0015"}
    again = await payments.client.put(path, json=HOLDER, headers=driver)
    assert (again.status_code, slug(again)) == (409, "holder-known")


async def test_somebody_elses_card_is_not_there(payments: Payments):
    driver, stranger = payments.driver(), payments.driver()
    card_id = await open_card(payments, driver)
    before = await look(payments, driver, card_id)
    path = f"/v1/fuel-cards/{card_id}"
    ask = payments.client.request
    replies = [
        await ask("GET", path, headers=stranger), await ask("GET", f"{path}/transactions", headers=stranger),
        await ask("POST", f"{path}/freeze", headers=stranger), await ask("POST", f"{path}/unfreeze", headers=stranger),
        await ask("PUT", f"{path}/limits", json={}, headers=stranger), await ask("DELETE", path, headers=stranger),
        await ask("PUT", f"{path}/holder", json=HOLDER, headers=stranger),
        await ask("GET", f"/v1/fuel-cards/{new_id()}", headers=driver),
    ]  # fmt: skip
    assert {(reply.status_code, slug(reply)) for reply in replies} == {(404, "no-such-card")}
    assert await look(payments, driver, card_id) == before


async def test_there_is_an_end_to_a_drivers_cards(payments: Payments):
    driver = payments.driver()
    for _ in range(20):
        await open_card(payments, driver)
    reply = await add(payments, driver, kind="virtual")
    assert (reply.status_code, slug(reply)) == (409, "too-many-cards")


async def test_a_currency_whose_law_nobody_has_read_has_no_cards(payments: Payments):
    reply = await add(payments, payments.driver(), kind="virtual", currency="EUR")
    assert (reply.status_code, slug(reply)) == (422, "currency-not-offered")


async def test_transactions_come_in_pages_the_newest_first(payments: Payments):
    driver = payments.driver()
    card_id = await open_card(payments, driver)
    for amount in (1, 2, 3):
        await card_kit.put_money(payments, card_id, amount)
    path = f"/v1/fuel-cards/{card_id}/transactions"
    first = (await payments.client.get(f"{path}?limit=2", headers=driver)).json()
    assert [one["amount_minor"] for one in first["transactions"]] == [3, 2]
    cursor = first["next_cursor"]
    rest = await payments.client.get(f"{path}?cursor={cursor}", headers=driver)
    assert [one["amount_minor"] for one in rest.json()["transactions"]] == [1]
    assert rest.json()["next_cursor"] is None
    assert (await payments.client.get(f"{path}?cursor=x", headers=driver)).status_code == 400
