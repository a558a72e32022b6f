"""Fuel cards as somebody's data: exported whole, moved with an account, and closed when the person is forgotten."""

import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.domain.cards import account_of
from payments.repository import ledger
from payments.use_cases import card_stock, key_rotation
from payments.use_cases.people import PeopleData
from schemas.events import UserErasedV1, UserMergedV1
from servicekit.consumer import Received
from servicekit.data_keys import PostgresDataKeys
from servicekit.ids import new_id
from servicekit.keyring import KEY_BYTES, KeyRing, Keys, parse_keys, pruned, rotated
from servicekit.personal_data import PeopleDesk
from servicekit.vault import Vault

from .card_kit import HOLDER, add, canary_number, look, open_card, put_money, stock
from .conftest import Payments, any_message


def desk(payments: Payments) -> PeopleDesk:
    return PeopleDesk("payments", PeopleData(payments.process), payments.process.erasures)


async def erase(payments: Payments, driver_id: UUID) -> None:
    event = UserErasedV1(user_id=driver_id, version=2, occurred_at=datetime.now(UTC))
    await payments.store.transact(lambda tx: desk(payments).take_erasures(tx, [Received(event, any_message())]))


async def merge(payments: Payments, driver_id: UUID, into: UUID) -> None:
    event = UserMergedV1(user_id=driver_id, version=2, into_user_id=into, occurred_at=datetime.now(UTC))
    await payments.store.transact(lambda tx: desk(payments).take_merges(tx, [Received(event, any_message())]))


async def full_card(payments: Payments, driver: dict[str, str]) -> tuple[str, str]:
    """A physical card with a holder and a plate; its id and number."""
    number = canary_number()
    await stock(payments, number)
    body = {"kind": "physical", "number": number, "activation_code": "7FQ2-K9XM", "holder": HOLDER}
    card_id = (await add(payments, driver, **body)).json()["card_id"]
    limits = {"plate": "京CANARY1", "day": {"count": 3}}
    assert (await payments.client.put(f"/v1/fuel-cards/{card_id}/limits", json=limits, headers=driver)).is_success
    return card_id, number


async def exported(payments: Payments, driver_id: UUID) -> dict[str, Any]:
    return await desk(payments).account_of(str(driver_id))


async def test_an_export_has_all_of_a_card(payments: Payments):
    driver_id = new_id()
    driver = payments.driver(driver_id)
    card_id, number = await full_card(payments, driver)
    await payments.client.post("/v1/companies", json={"name": "canary-company"}, headers=driver)
    data = (await exported(payments, driver_id))["data"]
    (card,) = data["fuel_cards"]
    assert (str(card["card_id"]), card["number"], card["plate"], card["holder"]) == (
        card_id, number, "京CANARY1", HOLDER
    )  # fmt: skip
    assert card["limits"] == {"day": {"count": 3}}
    assert [one["name"] for one in data["companies"]] == ["canary-company"]


async def test_whoever_is_forgotten_leaves_no_number_and_the_books_keep_the_money(payments: Payments):
    driver_id = new_id()
    driver = payments.driver(driver_id)
    card_id, number = await full_card(payments, driver)
    await payments.client.post("/v1/companies", json={"name": "canary-company"}, headers=driver)
    await put_money(payments, card_id, 500)
    for _ in range(2):
        await erase(payments, driver_id)
    account = await exported(payments, driver_id)
    assert account["erased"]["fuel_cards"] == 1
    assert account["kept"]["fuel_cards"] == 1
    assert account["data"]["companies"] == []
    (row,) = await payments.rows("SELECT * FROM cards")
    assert row["closed_at"]
    assert [row[name] for name in ("number", "number_hash", "holder", "plate", "plate_hash")] == [None] * 5
    assert await payments.sql("SELECT count(*) FROM companies WHERE name IS NOT NULL OR closed_at IS NULL") == 0
    async with payments.store.connection() as connection:
        assert (await ledger.balance(connection, account_of(UUID(card_id), "CNY"))).posted_minor == 500
    assert await payments.sql("SELECT count(*) FROM exceptions WHERE kind = 'refund_failed'") == 1
    gone = await add(payments, driver, kind="virtual")
    assert (gone.status_code, gone.json()["type"].rpartition(":")[2]) == (401, "account-gone")
    await stock(payments, number, "SECOND-CODE")
    other = await add(payments, payments.driver(), kind="physical", number=number, activation_code="SECOND-CODE")
    assert other.status_code == 201, "the plastic can be given to somebody else"


async def test_cards_go_with_an_account_that_is_merged(payments: Payments):
    old_id, new = new_id(), new_id()
    old = payments.driver(old_id)
    card_id, number = await full_card(payments, old)
    company = (await payments.client.post("/v1/companies", json={"name": "canary-co"}, headers=old)).json()
    await open_card(payments, payments.driver(new))
    for _ in range(2):
        await merge(payments, old_id, new)
    driver = payments.driver(new)
    card = await look(payments, driver, card_id)
    assert (card["number"][-4:], card["holder"]["name"], card["limits"]["plate"]) == (
        number[-4:], HOLDER["name"], "京CANARY1"
    )  # fmt: skip
    assert len((await payments.client.get("/v1/fuel-cards", headers=driver)).json()["fuel_cards"]) == 2
    (managed,) = (await payments.client.get("/v1/companies", headers=driver)).json()["companies"]
    assert managed["company_id"] == company["company_id"]
    assert (await exported(payments, old_id))["kept"]["fuel_cards"] == 0
    again = await add(payments, driver, kind="physical", number=number, activation_code="7FQ2-K9XM")
    assert again.json()["type"].endswith("card-bound")


class HeldKeys:
    """Keys that a test turns over."""

    def __init__(self) -> None:
        self.text = rotated(None, secrets.token_bytes(KEY_BYTES))

    def load(self, *, anew: bool = False) -> Keys:
        return parse_keys(self.text)


async def test_keys_are_rotated_while_cards_are_found_by_their_numbers(payments: Payments):
    """Before, in the middle and after: whoever binds finds the printed card, and the older key protects nothing."""
    held, process = HeldKeys(), payments.process
    process.ring = KeyRing(held)
    process.vault = Vault(process.ring, PostgresDataKeys())
    driver, manager = payments.driver(), payments.driver()
    card_id, _ = await full_card(payments, driver)
    printed = canary_number()
    await stock(payments, printed)
    company = await payments.client.post("/v1/companies", json={"name": "canary-co"}, headers=manager)
    held.text = rotated(held.text, secrets.token_bytes(KEY_BYTES))
    lines = ["number,activation_code,currency\n", f"{printed},7FQ2-K9XM,CNY\n"]
    assert (await card_stock.import_cards(process, lines)).cards == {"renewed": 1}, "found under the older key"
    await key_rotation.renew(process)
    uses = await key_rotation.uses_of_keys(process)
    assert len(uses["keys"]) == 2
    assert all(set(count) <= {uses["current"]} for count in uses["uses"].values()), uses
    assert {kind for kind, count in uses["uses"].items() if count} >= {
        "printed cards", "numbers of printed cards", "numbers of cards", "plates of cards", "names of companies",
        "data keys",
    }  # fmt: skip
    held.text = pruned(held.text)
    assert (await look(payments, driver, card_id))["limits"]["plate"] == "京CANARY1"
    shown = await payments.client.get(f"/v1/companies/{company.json()['company_id']}", headers=manager)
    assert shown.json()["name"] == "canary-co"
    bound = await add(payments, driver, kind="physical", number=printed, activation_code="7FQ2-K9XM")
    assert bound.status_code == 201, bound.text
