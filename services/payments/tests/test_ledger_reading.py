"""Who may read which books over HTTP, and what operators' commands print."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from typer.testing import CliRunner

from payments.commands import running
from payments.commands.__main__ import app
from payments.domain.ledger import Account, AccountKind, Posting, Transfer, TransferKind
from payments.repository import ledger as repository
from servicekit.ids import new_id

from .conftest import Payments

PROVIDER = Account(AccountKind.PROVIDER, "wechat", "CNY")


async def earn(payments: Payments, station_id: UUID, *amounts: int) -> Account:
    """Lets drivers pay so much at a station."""
    account = Account(AccountKind.STATION, str(station_id), "CNY")
    for amount in amounts:
        postings = (Posting(PROVIDER, -amount), Posting(account, amount))
        transfer = Transfer(new_id(), TransferKind.PAYMENT, str(new_id()), postings)
        await payments.store.transact(lambda tx, one=transfer: repository.post(tx, [one]))
    return account


async def test_an_operator_reads_the_books_of_its_stations(payments: Payments) -> None:
    station_id = await payments.station()
    account = await earn(payments, station_id, 100, 20, 3)
    finance = payments.staff("finance", role="finance")
    path = "/v1/ledger/accounts"
    listed = await payments.client.get(path, params={"station_id": str(station_id)}, headers=finance)
    assert listed.json()["accounts"] == [
        {"account_id": str(account.id), "station_id": str(station_id), "currency": "CNY", "posted_minor": 123}
    ]
    first = (await payments.client.get(f"{path}/{account.id}", params={"limit": 2}, headers=finance)).json()
    assert [(line["amount_minor"], line["balance_minor"]) for line in first["lines"]] == [(3, 123), (20, 120)]
    rest = await payments.client.get(f"{path}/{account.id}", params={"cursor": first["next_cursor"]}, headers=finance)
    assert [(line["amount_minor"], line["balance_minor"]) for line in rest.json()["lines"]] == [(100, 100)]
    assert rest.json()["next_cursor"] is None


async def test_other_books_are_not_to_be_seen(payments: Payments) -> None:
    foreign = await earn(payments, await payments.station(operator="another"), 100)
    finance = payments.staff("finance", role="finance")
    for account_id in (foreign.id, PROVIDER.id, new_id()):
        answer = await payments.client.get(f"/v1/ledger/accounts/{account_id}", headers=finance)
        assert answer.status_code == 404
    params = {"station_id": foreign.owner}
    assert (await payments.client.get("/v1/ledger/accounts", params=params, headers=finance)).status_code == 404
    headers = payments.driver()
    assert (await payments.client.get(f"/v1/ledger/accounts/{foreign.id}", headers=headers)).status_code == 403


async def test_a_cursor_that_was_not_made_here_is_refused(payments: Payments) -> None:
    account = await earn(payments, await payments.station(), 100)
    finance = payments.staff("finance", role="finance")
    answer = await payments.client.get(
        f"/v1/ledger/accounts/{account.id}", params={"cursor": "WyJhIl0"}, headers=finance
    )
    assert answer.status_code == 400


Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def command(payments: Payments, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command of the ledger with the tests' settings; its exit code and what it printed."""
    monkeypatch.setattr(running, "Settings", lambda: payments.settings)

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["ledger", *arguments])
        return result.exit_code, result.output

    return run


async def test_commands_show_the_books(payments: Payments, command: Command) -> None:
    account = await earn(payments, await payments.station(), 1_000, 234)
    code, text = await command("trial-balance")
    assert (code, "the ledger balances" in text, "1,234" in text) == (0, True, True)
    code, text = await command("trial-balance", "--json")
    assert (code, json.loads(text)["totals"]) == (0, {"CNY": 0})
    code, text = await command("accounts", "--kind=station", "--json")
    assert [(one["account_id"], one["posted_minor"]) for one in json.loads(text)] == [(str(account.id), 1_234)]
    code, text = await command("statement", str(account.id), "--json")
    assert [(one["amount_minor"], one["balance_minor"]) for one in json.loads(text)["lines"]] == [
        (234, 1_234), (1_000, 1_000)
    ]  # fmt: skip
    assert "1,234" in (await command("statement", str(account.id)))[1]
    assert "1,234" in (await command("accounts"))[1]
    assert (await command("statement", str(new_id())))[0] == 1


async def test_a_ledger_that_does_not_balance_ends_the_command_with_code_1(
    payments: Payments, command: Command
) -> None:
    account = Account(AccountKind.CARD, "c", "CNY")
    postings = (Posting(PROVIDER, -500), Posting(account, 500))
    transfer = Transfer(new_id(), TransferKind.RECHARGE, "recharge", postings)
    await payments.store.transact(lambda tx: repository.post(tx, [transfer]))
    assert (await command("rebuild"))[0] == 0
    await payments.sql("UPDATE balances SET posted_minor = 501 WHERE account_id = $1", account.id)
    code, text = await command("trial-balance")
    assert (code, "DOES NOT BALANCE" in text, "501" in text) == (1, True, True)
    code, text = await command("trial-balance", "--json")
    assert (code, json.loads(text)["differences"][0]["kept_posted_minor"]) == (1, 501)
    assert (await command("rebuild"))[0] == 1
    assert (await command("rebuild", "--json"))[0] == 0
    assert (await command("trial-balance"))[0] == 0
