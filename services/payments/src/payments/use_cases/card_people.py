"""Fuel cards as data of a person: exported, given to another account, closed when the person is forgotten."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import msgspec

from payments.domain.cards import Card
from payments.domain.holders import Holder
from payments.domain.limits import to_document
from payments.repository import card_stock, companies, recharges
from payments.repository import cards as repository
from payments.repository.cards import Sealed
from payments.use_cases.cards import holder_context, number_context, plate_context
from payments.use_cases.companies import companies_managed, leave_all
from payments.use_cases.context import Payments
from payments.use_cases.unbinding import close_all
from servicekit.postgres import Connection
from servicekit.vault import Box


async def collect(payments: Payments, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS: all cards, the closed ones too, with what is sealed of them."""
    found = await repository.cards_of(tx, driver_id, closed=True)
    box = (await payments.vault.boxes(tx, [driver_id])).get(driver_id)
    sealed = await repository.sealed_of(tx, [card.card_id for card in found])
    return [_document(card, sealed[card.card_id], box) for card in found]


def _document(card: Card, sealed: Sealed, box: Box | None) -> dict[str, Any]:
    card_id = card.card_id
    holder = _opened(box, sealed.holder, holder_context(card_id))
    return {
        "card_id": card_id, "kind": card.kind, "company_id": card.company_id, "currency": card.currency,
        "number": _opened(box, sealed.number, number_context(card_id)),
        "holder": asdict(msgspec.json.decode(holder, type=Holder)) if holder else None,
        "plate": _opened(box, sealed.plate, plate_context(card_id)),
        "limits": to_document(card.limits), "frozen": card.frozen, "blocked": card.blocked,
        "opened_at": card.opened_at, "expires_at": card.expires_at, "closed_at": card.closed_at,
    }  # fmt: skip


def _opened(box: Box | None, sealed: bytes | None, context: str) -> str | None:
    return box.open(sealed, context) if box and sealed else None


async def collect_recharges(_: Payments, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS."""
    return [asdict(recharge) for recharge in await recharges.recharges_of(tx, driver_id)]


async def collect_companies(payments: Payments, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS: the companies that the person manages."""
    return [
        {"company_id": one.company.company_id, "name": one.name, "opened_at": one.company.opened_at}
        for one in await companies_managed(payments, tx, driver_id)
    ]


async def erase(_: Payments, tx: Connection, driver_id: str) -> int:
    """See people.ERASES: closes the cards, so that what is on them goes back, and forgets whose they were."""
    await close_all(tx, await repository.lock_cards_of(tx, driver_id), datetime.now(UTC))
    await card_stock.forget_tries(tx, driver_id)
    return await repository.forget(tx, driver_id)


async def leave_companies(_: Payments, tx: Connection, driver_id: str) -> int:
    """See people.ERASES: the person manages nothing any more; a company that nobody else manages is closed."""
    return await leave_all(tx, driver_id, datetime.now(UTC))


async def move(payments: Payments, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES: seals numbers, holders and plates anew. More than MAX_CARDS may come together: none is lost."""
    found = await repository.cards_of(tx, driver_id, closed=True)
    old = (await payments.vault.boxes(tx, [driver_id])).get(driver_id)
    if found and old is not None:
        new, sealed = await payments.vault.box(tx, into), await repository.sealed_of(tx, [one.card_id for one in found])
        for card in found:
            await repository.move(tx, card.card_id, into, _rehomed(card, sealed[card.card_id], old, new))
    await card_stock.forget_tries(tx, driver_id)
    await companies.move_manager(tx, driver_id, into)


def _rehomed(card: Card, sealed: Sealed, old: Box, new: Box) -> Sealed:
    def anew(text: bytes | None, context: Callable[[Any], str]) -> bytes | None:
        return new.seal(old.open(text, context(card.card_id)), context(card.card_id)) if text is not None else None

    return Sealed(
        anew(sealed.number, number_context), anew(sealed.holder, holder_context), anew(sealed.plate, plate_context)
    )


async def move_recharges(_: Payments, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES."""
    await recharges.move(tx, driver_id, into)
