"""How a driver gets a fuel card: opens a virtual one, binds a physical one, or takes one that a company gives."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from payments.domain import cards as domain
from payments.domain.card_binding import (
    FORGET_WRONG_AFTER,
    MAX_WRONG_BINDINGS,
    MAX_WRONG_CODES,
    activation_code_of,
    code_hash,
)
from payments.domain.card_numbers import new_number
from payments.domain.card_rules import CARD_RULES
from payments.domain.cards import MAX_CARDS, Card, CardKind
from payments.domain.companies import InvitationKind
from payments.domain.holders import Holder
from payments.repository import card_stock, companies
from payments.repository import cards as repository
from payments.use_cases import cards
from payments.use_cases.context import Payments
from schemas.orders import CardBoundV1
from servicekit.envelope import to_records
from servicekit.erasures import require_present
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox
from servicekit.problems import Problem

NUMBER_TRIES = 5
"""A random number of a virtual card that is taken already is drawn again; twice in a row is hard to believe."""


@dataclass(frozen=True, slots=True)
class PrintedCard:
    """What is sealed in the stock."""

    number: str
    activation_code: str


async def open_virtual(
    payments: Payments, tx: Connection, driver_id: str, currency: str, holder: Holder | None
) -> Card:  # fmt: skip
    """A new card with a number of its own. Raises Problem 401, 409, 422."""
    await _require_room(payments, tx, driver_id)
    if currency not in CARD_RULES:
        offered = ", ".join(sorted(CARD_RULES))
        raise Problem(422, "currency-not-offered", f"There are no fuel cards in {currency}; choose {offered}.")
    return await _make_virtual(payments, tx, _new_card(driver_id, CardKind.VIRTUAL, currency, holder), holder)


async def claim(payments: Payments, tx: Connection, driver_id: str, code: str) -> Card:
    """A card of the company that gave this code, which is good once. Raises Problem 401, 409, 422, 429."""
    now = datetime.now(UTC)
    await _require_room(payments, tx, driver_id)
    await require_tries_left(tx, driver_id, now)
    invitation = await companies.claim(tx, code_hash(code), InvitationKind.CARD, now)
    if invitation is None:
        raise CodeNotGood
    zone = CARD_RULES[invitation.currency].time_zone
    card = domain.opened(
        new_id(), driver_id, CardKind.VIRTUAL, invitation.currency, zone, now, named=True,
        company_id=invitation.company_id, limits=invitation.limits,
    )  # fmt: skip
    return await _make_virtual(payments, tx, card, None)


async def bind_physical(
    payments: Payments, tx: Connection, driver_id: str, number: str, activation_code: str, holder: Holder | None
) -> Card:  # fmt: skip
    """The printed card with this number, which the code proves the driver to have. Raises Problem 401, 409, 429.

    Raises CodeNotGood for an unknown number, too: who guesses learns nothing. Wrong tries are to be counted by
    `count_wrong`, so the transaction has to go on after it.
    """
    now = datetime.now(UTC)
    await _require_room(payments, tx, driver_id)
    await require_tries_left(tx, driver_id, now)
    stocked = await card_stock.lock(tx, payments.ring.hashes(number, cards.NUMBER))
    if stocked is None:
        raise CodeNotGood
    printed = msgspec.json.decode(payments.ring.open(stocked.sealed, stock_context(stocked.stock_id)), type=PrintedCard)
    is_right = hmac.compare_digest(printed.activation_code, activation_code_of(activation_code))
    if not is_right or stocked.wrong_codes >= MAX_WRONG_CODES:
        await card_stock.count_wrong_code(tx, stocked.stock_id)
        raise CodeNotGood
    card = _new_card(driver_id, CardKind.PHYSICAL, stocked.currency, holder)
    if stocked.is_bound or not await _insert(payments, tx, card, number, holder):
        raise Problem(409, "card-bound", "This card is bound to an account already.")
    await card_stock.bind(tx, stocked.stock_id, card.card_id)
    await _tell(tx, card)
    return card


class CodeNotGood(Exception):
    """No card for this number and code; `refusal` tells the driver, `count_wrong` remembers it."""


def refusal() -> Problem:
    """What the driver is told: not which of the two is wrong."""
    return Problem(
        422, "card-refused", "The number or code is not good, was used, or was tried too often: look at it again, or "
        "ask who gave you the card for a new code.",
    )  # fmt: skip


async def count_wrong(tx: Connection, driver_id: str) -> None:
    """Remembers a wrong try, so that nobody guesses on and on."""
    now = datetime.now(UTC)
    await card_stock.count_wrong_try(tx, driver_id, now, now - FORGET_WRONG_AFTER)


def stock_context(stock_id: UUID) -> str:
    """What a printed card is sealed for."""
    return f"card_stock.sealed|{stock_id}"


async def _require_room(payments: Payments, tx: Connection, driver_id: str) -> None:
    await require_present(payments.erasures, tx, driver_id)
    if len(await repository.cards_of(tx, driver_id)) >= MAX_CARDS:
        raise Problem(409, "too-many-cards", f"You have {MAX_CARDS} fuel cards; unbind one first.")


async def require_tries_left(tx: Connection, driver_id: str, now: datetime) -> None:
    """Raises Problem 429 where the driver was wrong too often."""
    if await card_stock.wrong_tries_of(tx, driver_id, now - FORGET_WRONG_AFTER) >= MAX_WRONG_BINDINGS:
        wait = int(timedelta(hours=1).total_seconds())
        raise Problem(
            429, "too-many-tries", "Too many numbers or codes were wrong; try again tomorrow.",
            headers={"Retry-After": str(wait)},
        )  # fmt: skip


def _new_card(driver_id: str, kind: CardKind, currency: str, holder: Holder | None) -> Card:
    zone = CARD_RULES[currency].time_zone
    return domain.opened(new_id(), driver_id, kind, currency, zone, datetime.now(UTC), named=holder is not None)


async def _make_virtual(payments: Payments, tx: Connection, card: Card, holder: Holder | None) -> Card:
    for _ in range(NUMBER_TRIES):
        if await _insert(payments, tx, card, new_number(payments.settings.card_number_prefix), holder):
            await _tell(tx, card)
            return card
    raise RuntimeError("all numbers that begin with the card number prefix seem to be taken")


async def _insert(payments: Payments, tx: Connection, card: Card, number: str, holder: Holder | None) -> bool:
    box = await payments.vault.box(tx, card.driver_id)
    named = await cards.sealed_holder(payments, tx, card.driver_id, card.card_id, holder) if holder else None
    sealed = box.seal(number, cards.number_context(card.card_id))
    return await repository.insert(tx, card, sealed, payments.ring.hash(number, cards.NUMBER), named)


async def _tell(tx: Connection, card: Card) -> None:
    event = CardBoundV1(
        card_id=card.card_id, version=card.version, driver_id=card.driver_id, currency=card.currency,
        occurred_at=card.opened_at, kind=card.kind.value, company_id=card.company_id,
    )  # fmt: skip
    await append_to_outbox(tx, to_records([event]))
