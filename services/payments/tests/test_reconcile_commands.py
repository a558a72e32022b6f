"""Operators' commands of reconciliation and exceptions: what they print, and their exit codes."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from typer.testing import CliRunner

from payments.commands import running
from payments.commands.__main__ import app
from payments.domain.exceptions import Kind
from payments.use_cases.exceptions import raise_exception

from .conftest import Payments
from .test_reconciliation_api import broken_books

Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def command(payments: Payments, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command with the tests' settings, and no provider; its exit code and what it printed."""
    settings = payments.settings.model_copy(update={"wechat": None, "alipay": None})
    monkeypatch.setattr(running, "Settings", lambda: settings)

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env={"COLUMNS": "300"})
        return result.exit_code, result.output

    return run


async def test_commands_find_and_settle_a_difference(payments: Payments, command: Command) -> None:
    ticket_id = str(await broken_books(payments))
    code, text = await command("reconcile", "inside", "--json")
    assert (code, json.loads(text)) == (
        1, {"agrees": False, "open": {"order_and_ledger": 1}, "found": 0, "gone": 0}
    )  # fmt: skip
    (ticket,) = json.loads((await command("reconcile", "tickets", "--json"))[1])
    assert ticket["ticket_id"] == ticket_id
    assert ticket_id in (await command("reconcile", "tickets"))[1]
    station = f"station:{ticket['station_id']}"
    asked = ["ledger", "correct", ticket_id, "--debit=suspense:wechat", f"--credit={station}", "--reason=counted"]
    code, text = await command(*asked, "--amount-minor=7", "--by=Ada")
    assert (code, "Two different people" in text) == (1, True)
    code, text = await command(*asked, "--amount-minor=7", "--by=Ada", "--by=Grace")
    assert (code, "posted transfer" in text) == (0, True)
    code, text = await command("reconcile", "inside")
    assert (code, "1 gone: all agrees" in text) == (0, True)
    code, text = await command("reconcile", "accept", ticket_id, "--by=Ada", "--by=Grace", "--reason=checked")
    assert (code, "closed" in text) == (1, True)
    code, text = await command("ledger", "correct", ticket_id, "--debit=nonsense", *asked[4:], "--amount-minor=7")
    assert code == 2


async def test_a_bill_that_cannot_be_had_is_said(command: Command) -> None:
    code, text = await command("reconcile", "outside")
    assert (code, "No payment provider is configured" in text) == (1, True)
    code, text = await command("reconcile", "outside", "2099-01-01")
    assert (code, "can be had from" in text) == (1, True)


async def test_commands_settle_exceptions_of_no_station(payments: Payments, command: Command) -> None:
    await payments.store.transact(
        lambda tx: raise_exception(
            tx, Kind.UNKNOWN_PAYMENT, key="k", details={"provider": "wechat", "number": "not ours"}
        )
    )
    (found,) = json.loads((await command("exceptions", "list", "--without-station", "--json"))[1])
    assert found["actions"] == ["dismiss"]
    exception_id = found["exception_id"]
    assert exception_id in (await command("exceptions", "list"))[1]
    code, text = await command("exceptions", "resolve", exception_id, "ask_now", "other", "--by=Ada")
    assert (code, "dismiss" in text) == (1, True)
    code, text = await command("exceptions", "approve", exception_id, "--by=Grace")
    assert (code, "no proposal" in text) == (1, True)
    code, text = await command("exceptions", "resolve", exception_id, "dismiss", "unfounded", "--by=Ada")
    assert (code, text.strip()) == (0, "the exception is dismissed")
    assert (await command("exceptions", "list"))[1].strip() == "nothing waits for a decision"
