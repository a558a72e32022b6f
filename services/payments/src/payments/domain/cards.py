"""Fuel cards: whose they are, which account they draw on, and whether a purchase may be paid with one. Pure."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from payments.domain import limits
from payments.domain.card_rules import expiry_of
from payments.domain.ledger import Account, AccountKind
from payments.domain.limits import Limits, Purchase, Usage

MAX_CARDS = 20
"""Open cards of one driver; more where accounts were joined."""


class CardKind(StrEnum):
    """What a card is."""

    VIRTUAL = "virtual"
    PHYSICAL = "physical"


class CardStatus(StrEnum):
    """Whether a card can be used."""

    ACTIVE = "active"
    FROZEN = "frozen"
    """By its driver."""
    BLOCKED = "blocked"
    """By its company."""
    EXPIRED = "expired"
    """An anonymous card after its years: name its holder, or unbind it to have the balance back."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it is stored, without what is sealed."""

    card_id: UUID
    version: int
    driver_id: str
    company_id: UUID | None
    kind: CardKind
    currency: str
    time_zone: str
    named: bool
    opened_at: datetime
    frozen: bool = False
    blocked: bool = False
    limits: Limits = field(default_factory=Limits)
    plate_hash: bytes | None = None
    """Of the one plate that it is for; see use_cases.cards.plate_matches."""
    expires_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def account(self) -> Account:
        """What it draws on in the ledger: its own account, or its company's."""
        return account_of(self.company_id or self.card_id, self.currency)

    def status_at(self, at: datetime) -> CardStatus:
        """Where it stands at a moment."""
        if self.closed_at is not None:
            return CardStatus.CLOSED
        if self.expires_at is not None and at >= self.expires_at:
            return CardStatus.EXPIRED
        if self.blocked:
            return CardStatus.BLOCKED
        return CardStatus.FROZEN if self.frozen else CardStatus.ACTIVE


def account_of(owner: UUID, currency: str) -> Account:
    """The ledger's account of a card or a company."""
    return Account(AccountKind.CARD, str(owner), currency)


class Why(StrEnum):
    """Why a purchase cannot be paid with a card."""

    CLOSED = "closed"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    FROZEN = "frozen"
    WRONG_CURRENCY = "wrong_currency"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class CardRefusal:
    """The reason, a text for people, and the facts of a limit; see domain.limits.LimitRefusal."""

    why: Why
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


_UNUSABLE = {
    CardStatus.CLOSED: (Why.CLOSED, "This card was unbound; pay with another one."),
    CardStatus.EXPIRED: (
        Why.EXPIRED,
        "This card has expired: name its holder, or unbind it for its balance.",
    ),
    CardStatus.BLOCKED: (Why.BLOCKED, "The company whose card this is has blocked it; ask its manager."),
    CardStatus.FROZEN: (Why.FROZEN, "This card is frozen; unfreeze it first."),
}


def refusal_of(card: Card, usage: Usage, purchase: Purchase, currency: str) -> CardRefusal | None:
    """The first reason why a purchase in this currency may not be paid with the card; None where it may be.

    Whether there is enough money on its account is the ledger's to say.
    """
    status = card.status_at(purchase.at)
    if status is not CardStatus.ACTIVE:
        return CardRefusal(*_UNUSABLE[status])
    if currency != card.currency:
        return CardRefusal(Why.WRONG_CURRENCY, f"This card holds {card.currency}, the order is in {currency}.")
    broken = limits.check(card.limits, usage, purchase, card.time_zone, has_plate=card.plate_hash is not None)
    return CardRefusal(Why.LIMIT, broken.text, broken.facts()) if broken else None


def named(card: Card) -> Card:
    """The card once its holder's real name is known: it does not expire any more."""
    return replace(card, version=card.version + 1, named=True, expires_at=None)


def opened(card_id: UUID, driver_id: str, kind: CardKind, currency: str, time_zone: str, at: datetime, *,
           named: bool, company_id: UUID | None = None, limits: Limits | None = None) -> Card:  # fmt: skip
    """A new card; a company's own holders are known to it, so its cards are named."""
    is_named = named or company_id is not None
    return Card(
        card_id, 1, driver_id, company_id, kind, currency, time_zone, is_named, at, limits=limits or Limits(),
        expires_at=expiry_of(currency, at, named=is_named),
    )  # fmt: skip
