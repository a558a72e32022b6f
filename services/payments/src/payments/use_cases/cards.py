"""What a driver does with fuel cards: look, freeze, limit, say who the holder is. Getting one: see card_binding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain import cards as domain
from payments.domain.card_binding import plate_of
from payments.domain.card_numbers import masked
from payments.domain.cards import Card, CardRefusal, Why
from payments.domain.holders import Holder
from payments.domain.ledger import Balance
from payments.domain.limits import Limits, Usage, loosens
from payments.repository import cards as repository
from payments.repository import ledger
from payments.repository.cards import Sealed
from payments.use_cases.context import Payments
from servicekit.access import Permission
from servicekit.auth import Principal, require
from servicekit.erasures import require_present
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.vault import Box

PLATE = "card plate"
NUMBER = "card number"
"""Purposes of keyed hashes."""


@dataclass(frozen=True, slots=True)
class OpenedCard:
    """A card as its driver sees it: what is sealed opened, the number masked."""

    card: Card
    number: str
    holder: Holder | None
    plate: str | None
    balance: Balance | None
    """None of a company's card: what is on the company's account is not its drivers' to see."""
    usage: Usage
    at: datetime
    """When it was looked at."""


async def cards_of(payments: Payments, driver_id: str) -> list[OpenedCard]:
    """A driver's open cards."""

    async def look(tx: Connection) -> list[OpenedCard]:
        await require_present(payments.erasures, tx, driver_id)
        return await opened(payments, tx, driver_id, await repository.cards_of(tx, driver_id))

    return await payments.store.transact(look)


async def card_of(payments: Payments, driver_id: str, card_id: UUID) -> OpenedCard:
    """One of a driver's cards, a closed one too. Raises Problem 404."""

    async def look(tx: Connection) -> OpenedCard:
        await require_present(payments.erasures, tx, driver_id)
        card = await find_own(tx, driver_id, card_id)
        return (await opened(payments, tx, driver_id, [card]))[0]

    return await payments.store.transact(look)


async def opened(payments: Payments, tx: Connection, driver_id: str, cards: Sequence[Card]) -> list[OpenedCard]:
    """A driver's cards with what is sealed of them."""
    if not cards:
        return []
    box = await payments.vault.box(tx, driver_id)
    sealed = await repository.sealed_of(tx, [card.card_id for card in cards])
    return [await _opened(tx, box, card, sealed[card.card_id]) for card in cards]


async def _opened(tx: Connection, box: Box, card: Card, sealed: Sealed) -> OpenedCard:
    balance = None if card.company_id else await ledger.balance(tx, card.account)
    at = datetime.now(UTC)
    usage = await repository.usage_of(tx, card, at)
    holder = box.open(sealed.holder, holder_context(card.card_id)) if sealed.holder else None
    plate = box.open(sealed.plate, plate_context(card.card_id)) if sealed.plate else None
    number = masked(box.open(sealed.number, number_context(card.card_id))) if sealed.number else ""
    named = msgspec.json.decode(holder, type=Holder) if holder else None
    return OpenedCard(card, number, named, plate, balance, usage, at)


async def transactions_of(
    payments: Payments, driver_id: str, card_id: UUID, before: int | None, limit: int
) -> tuple[Card, list[Any]]:
    """One of a driver's cards and a page of its transactions; a closed one has them, too. Raises Problem 404."""
    async with payments.store.connection() as connection:
        card = await find_own(connection, driver_id, card_id)
        return card, await repository.transactions_of(connection, card, before, limit)


async def freeze(payments: Payments, driver_id: str, card_id: UUID) -> None:
    """Nothing can be paid with the card any more; again changes nothing. Raises Problem 401, 404, 409."""
    await _set_frozen(payments, driver_id, card_id, frozen=True)


async def unfreeze(payments: Payments, driver_id: str, card_id: UUID) -> None:
    """Takes back what `freeze` did, not what the card's company did. Raises Problem 401, 404, 409."""
    await _set_frozen(payments, driver_id, card_id, frozen=False)


async def _set_frozen(payments: Payments, driver_id: str, card_id: UUID, *, frozen: bool) -> None:
    async def work(tx: Connection) -> None:
        card = await lock_own(payments, tx, driver_id, card_id)
        if card.frozen != frozen:
            await repository.save(tx, replace(card, version=card.version + 1, frozen=frozen))

    await payments.store.transact(work)


async def set_limits(
    payments: Payments, principal: Principal, card_id: UUID, limits: Limits, plate: str | None
) -> None:  # fmt: skip
    """Puts these limits into the place of all that were. To loosen any needs a sign-in of the last minutes.

    Raises Problem 401, 403, 404, 409.
    """

    async def work(tx: Connection) -> None:
        card = await lock_own(payments, tx, principal.subject, card_id)
        if card.company_id is not None:
            raise Problem(409, "company-card", "This is a company's card: its limits are set by the company's manager.")
        await change_limits(payments, tx, principal, card, limits, plate)

    await payments.store.transact(work)


async def change_limits(
    payments: Payments, tx: Connection, principal: Principal, card: Card, limits: Limits, plate: str | None
) -> None:  # fmt: skip
    """The part that a driver and a company's manager have in common; the card is locked."""
    plate = plate_of(plate) if plate else None
    if loosens(card.limits, limits) or (card.plate_hash is not None and not plate_matches(payments, card, plate)):
        require(principal, Permission.CARDS_SECURE)
    box = await payments.vault.box(tx, card.driver_id)
    await repository.save(tx, replace(card, version=card.version + 1, limits=limits))
    sealed = box.seal(plate, plate_context(card.card_id)) if plate else None
    await repository.save_plate(tx, card.card_id, sealed, payments.ring.hash(plate, PLATE) if plate else None)


def plate_matches(payments: Payments, card: Card, plate: str | None) -> bool:
    """Whether the plate that the driver said is the card's; anything is for a card without one.

    It is what the driver says: the station's crew sees the car, payments does not.
    """
    if card.plate_hash is None:
        return True
    return plate is not None and payments.ring.made(card.plate_hash, plate_of(plate), PLATE)


def problem_of(refusal: CardRefusal) -> Problem:
    """A card's refusal of a purchase, as its driver is told."""
    match refusal.why:
        case Why.CLOSED:
            return Problem(409, "card-closed", refusal.text)
        case Why.EXPIRED:
            return Problem(409, "card-expired", refusal.text)
        case Why.BLOCKED:
            return Problem(409, "card-blocked", refusal.text)
        case Why.FROZEN:
            return Problem(409, "card-frozen", refusal.text)
        case Why.WRONG_CURRENCY:
            return Problem(409, "wrong-currency", refusal.text)
        case Why.LIMIT:
            return Problem(409, "card-limit", refusal.text, **refusal.facts)


async def name_holder(payments: Payments, driver_id: str, card_id: UUID, holder: Holder) -> None:
    """The card is a named one from now on: it may hold more, and does not expire. Raises Problem 401, 404, 409."""

    async def work(tx: Connection) -> None:
        card = await lock_own(payments, tx, driver_id, card_id)
        if card.company_id is not None:
            raise Problem(409, "company-card", "This is a company's card: its holder is the company.")
        if card.named:
            raise Problem(409, "holder-known", "This card has a holder already; unbind it to give it to somebody else.")
        await repository.save(tx, domain.named(card))
        await repository.save_holder(tx, card_id, await sealed_holder(payments, tx, driver_id, card_id, holder))

    await payments.store.transact(work)


async def sealed_holder(payments: Payments, tx: Connection, driver_id: str, card_id: UUID, holder: Holder) -> bytes:
    """The holder in the driver's box."""
    box = await payments.vault.box(tx, driver_id)
    return box.seal(msgspec.json.encode(holder).decode(), holder_context(card_id))


async def lock_own(payments: Payments, tx: Connection, driver_id: str, card_id: UUID) -> Card:
    """An open card of the driver's, locked. Raises Problem 401, 404, 409."""
    await require_present(payments.erasures, tx, driver_id)
    card = owned(await repository.lock(tx, card_id), driver_id)
    if card.closed_at is not None:
        raise Problem(409, "card-closed", "This card was unbound.")
    return card


async def find_own(tx: Connection, driver_id: str, card_id: UUID) -> Card:
    """A card of the driver's, a closed one too. Raises Problem 404."""
    return owned(await repository.find(tx, card_id), driver_id)


def owned(card: Card | None, driver_id: str) -> Card:
    """The card, where it is the driver's. Raises Problem 404."""
    if card is None or card.driver_id != driver_id:
        raise Problem(404, "no-such-card", "You have no fuel card with this id; GET /v1/fuel-cards lists yours.")
    return card


def number_context(card_id: UUID) -> str:
    """What a card's number is sealed for."""
    return f"cards.number|{card_id}"


def holder_context(card_id: UUID) -> str:
    """What a card's holder is sealed for."""
    return f"cards.holder|{card_id}"


def plate_context(card_id: UUID) -> str:
    """What a card's plate is sealed for."""
    return f"cards.plate|{card_id}"
