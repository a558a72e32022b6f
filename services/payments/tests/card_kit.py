"""What tests of fuel cards have in common: canary numbers, cards in stock, money on a card, purchases."""

import secrets
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from payments.domain.card_numbers import check_digit
from payments.domain.ledger import Account, AccountKind, Posting, Transfer, TransferKind
from payments.repository import cards, ledger
from payments.use_cases import card_stock
from servicekit.ids import new_id

from .conftest import Payments

PROVIDER = Account(AccountKind.PROVIDER, "wechat", "CNY")
HOLDER = {"name": "canary-li-lei", "document": "110101199001010015"}


def canary_number() -> str:
    """A card number that nobody has: where one turns up in a log or an event, something leaks."""
    digits = "9900" + "".join(secrets.choice("0123456789") for _ in range(11))
    return digits + check_digit(digits)


async def stock(payments: Payments, number: str, code: str = "7FQ2-K9XM") -> None:
    """Puts a printed card into stock."""
    lines = ["number,activation_code,currency\n", f"{number},{code},CNY\n"]
    imported = await card_stock.import_cards(payments.process, lines)
    assert not imported.wrong, imported.wrong


async def add(payments: Payments, driver: dict[str, str], key: str | None = None, **body: Any) -> httpx.Response:
    """Asks for a card."""
    headers = driver | {"Idempotency-Key": key or str(new_id())}
    return await payments.client.post("/v1/fuel-cards", json=body, headers=headers)


async def open_card(payments: Payments, driver: dict[str, str], **body: Any) -> UUID:
    """A new virtual card's id."""
    reply = await add(payments, driver, **{"kind": "virtual"} | body)
    assert reply.status_code == 201, reply.text
    return UUID(reply.json()["card_id"])


async def put_money(payments: Payments, card_id: UUID | str, amount_minor: int) -> None:
    """Money on a card, as if a recharge had been paid."""
    async with payments.store.connection() as connection:
        card = await cards.find(connection, UUID(str(card_id)))
    assert card is not None
    postings = (Posting(PROVIDER, -amount_minor), Posting(card.account, amount_minor))
    transfer = Transfer(new_id(), TransferKind.RECHARGE, str(new_id()), postings)
    await payments.store.transact(lambda tx: ledger.post(tx, [transfer]))


async def look(payments: Payments, driver: dict[str, str], card_id: UUID | str) -> dict[str, Any]:
    """A card as its driver sees it."""
    reply = await payments.client.get(f"/v1/fuel-cards/{card_id}", headers=driver)
    assert reply.status_code == 200, reply.text
    return reply.json()


def counted_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the running task asks the database from now on, and what groups of card payments write meanwhile."""
    asked: list[str] = []
    mine = ContextVar("mine", default=False)

    def counting(original: Any) -> Any:
        def ask(self: asyncpg.Connection, query: str, *arguments: Any, **options: Any) -> Any:
            if mine.get() or "charge_cards" in query:  # groups are written by a task of nobody's
                asked.append(query)
            return original(self, query, *arguments, **options)

        return ask

    for name in ("fetch", "fetchrow", "fetchval", "execute", "executemany"):
        monkeypatch.setattr(asyncpg.Connection, name, counting(getattr(asyncpg.Connection, name)))
    mine.set(True)
    return asked
