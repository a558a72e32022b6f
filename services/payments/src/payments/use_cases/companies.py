"""A company's fuel cards: its managers invite drivers, see what they spend, limit and block, and fill the account.

A company is seen by its managers only; for everybody else there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.domain.card_binding import INVITATION_LIFE, code_hash, new_code
from payments.domain.card_numbers import masked
from payments.domain.card_rules import CARD_RULES
from payments.domain.cards import Card, account_of
from payments.domain.companies import (
    MAX_COMPANIES,
    MAX_COMPANY_CARDS,
    MAX_MANAGERS,
    MAX_OPEN_INVITATIONS,
    Company,
    InvitationKind,
)
from payments.domain.ledger import Balance
from payments.domain.limits import Limits, Usage
from payments.repository import cards, ledger
from payments.repository import companies as repository
from payments.use_cases.card_binding import CodeNotGood, require_tries_left
from payments.use_cases.cards import change_limits, number_context, plate_context
from payments.use_cases.context import Payments
from payments.use_cases.recharging import FindTarget, Target
from payments.use_cases.unbinding import Returned, close, close_all, return_balance
from servicekit.auth import Principal
from servicekit.erasures import require_present
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem


@dataclass(frozen=True, slots=True)
class OpenedCompany:
    """A company as its managers see it."""

    company: Company
    name: str
    managers: Sequence[str]
    cards: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class CompanyCard:
    """One of a company's cards as its managers see it."""

    card: Card
    number: str
    plate: str | None
    usage: Usage
    at: datetime


async def found(payments: Payments, tx: Connection, driver_id: str, name: str, currency: str) -> UUID:
    """A new company that the driver manages. Raises Problem 401, 409, 422."""
    await require_present(payments.erasures, tx, driver_id)
    if currency not in CARD_RULES:
        offered = ", ".join(sorted(CARD_RULES))
        raise Problem(422, "currency-not-offered", f"There are no fuel cards in {currency}; choose {offered}.")
    await _require_companies_left(tx, driver_id)
    company_id = new_id()
    sealed = payments.ring.seal(name.encode(), name_context(company_id))
    await repository.insert(tx, Company(company_id, sealed, currency, datetime.now(UTC)), driver_id)
    return company_id


async def companies_of(payments: Payments, tx: Connection, driver_id: str) -> list[OpenedCompany]:
    """The companies that the driver manages."""
    await require_present(payments.erasures, tx, driver_id)
    return await companies_managed(payments, tx, driver_id)


async def companies_managed(payments: Payments, tx: Connection, driver_id: str) -> list[OpenedCompany]:
    """The same of whoever may be gone."""
    companies = await repository.companies_of(tx, driver_id, lock=False)
    return [await _opened(payments, tx, company) for company in companies]


async def look(payments: Payments, tx: Connection, driver_id: str, company_id: UUID) -> OpenedCompany:
    """One of them. Raises Problem 401, 404."""
    return await _opened(payments, tx, await _managed(payments, tx, driver_id, company_id))


async def _opened(payments: Payments, tx: Connection, company: Company) -> OpenedCompany:
    name = payments.ring.open(company.name, name_context(company.company_id)).decode() if company.name else ""
    return OpenedCompany(
        company, name, await repository.managers_of(tx, company.company_id),
        await repository.count_cards(tx, company.company_id),
        await ledger.balance(tx, account_of(company.company_id, company.currency)),
    )  # fmt: skip


async def invite(
    payments: Payments, tx: Connection, driver_id: str, company_id: UUID, kind: InvitationKind, limits: Limits
) -> tuple[str, datetime]:
    """A code that is shown once, and until when it is good. Raises Problem 401, 404, 409."""
    await _managed(payments, tx, driver_id, company_id, lock=True)
    if await repository.open_invitations(tx, company_id) >= MAX_OPEN_INVITATIONS:
        raise Problem(
            409, "too-many-invitations", f"{MAX_OPEN_INVITATIONS} codes wait to be claimed; that is the most."
        )
    if await repository.count_cards(tx, company_id) >= MAX_COMPANY_CARDS:
        raise Problem(409, "too-many-cards", f"The company has {MAX_COMPANY_CARDS} cards; take some back first.")
    code, at = new_code(), datetime.now(UTC)
    await repository.invite(tx, new_id(), company_id, kind, code_hash(code), limits, at, at + INVITATION_LIFE)
    return code, at + INVITATION_LIFE


async def become_manager(payments: Payments, tx: Connection, driver_id: str, code: str) -> UUID:
    """The company that gave this code is managed by the driver, too. Raises Problem 401, 409, 429, CodeNotGood."""
    at = datetime.now(UTC)
    await require_present(payments.erasures, tx, driver_id)
    await require_tries_left(tx, driver_id, at)
    await _require_companies_left(tx, driver_id)
    invitation = await repository.claim(tx, code_hash(code), InvitationKind.MANAGER, at)
    if invitation is None:
        raise CodeNotGood
    await repository.lock(tx, invitation.company_id)
    if len(await repository.managers_of(tx, invitation.company_id)) >= MAX_MANAGERS:
        raise Problem(409, "too-many-managers", f"The company has {MAX_MANAGERS} managers already.")
    await repository.add_manager(tx, invitation.company_id, driver_id, at)
    return invitation.company_id


async def remove_manager(payments: Payments, tx: Connection, driver_id: str, company_id: UUID, manager_id: str) -> None:
    """Takes the right from a manager, oneself too, but not from the last one. Raises Problem 401, 404, 409."""
    await _managed(payments, tx, driver_id, company_id, lock=True)
    managers = await repository.managers_of(tx, company_id)
    if manager_id not in managers:
        raise Problem(404, "no-such-manager", "The company has no such manager; GET the company lists them.")
    if managers == [manager_id]:
        raise Problem(409, "last-manager", "A company needs a manager: invite another one first, or close the company.")
    await repository.remove_manager(tx, company_id, manager_id)


async def cards_of(
    payments: Payments, tx: Connection, driver_id: str, company_id: UUID, after: UUID | None, limit: int
) -> list[CompanyCard]:
    """A page of the company's open cards, with what was bought with each. Raises Problem 401, 404."""
    await _managed(payments, tx, driver_id, company_id)
    return await _shown(payments, tx, await repository.cards_of(tx, company_id, after, limit))


async def card_of(
    payments: Payments, tx: Connection, driver_id: str, company_id: UUID, card_id: UUID
) -> CompanyCard:  # fmt: skip
    """One of them. Raises Problem 401, 404."""
    return (await _shown(payments, tx, [await _company_card(payments, tx, driver_id, company_id, card_id)]))[0]


async def _shown(payments: Payments, tx: Connection, found: Sequence[Card]) -> list[CompanyCard]:
    """Numbers and plates are sealed in the boxes of the cards' drivers; of one who was erased there is none."""
    boxes = await payments.vault.boxes(tx, list({card.driver_id for card in found}))
    sealed, at = await cards.sealed_of(tx, [card.card_id for card in found]), datetime.now(UTC)
    shown: list[CompanyCard] = []
    for card in found:
        box, closed = boxes.get(card.driver_id), sealed[card.card_id]
        number = masked(box.open(closed.number, number_context(card.card_id))) if box and closed.number else ""
        plate = box.open(closed.plate, plate_context(card.card_id)) if box and closed.plate else None
        shown.append(CompanyCard(card, number, plate, await cards.usage_of(tx, card, at), at))
    return shown


async def set_blocked(
    payments: Payments, tx: Connection, driver_id: str, company_id: UUID, card_id: UUID, *, blocked: bool
) -> None:  # fmt: skip
    """Nothing can be paid with the card, whatever its driver does; or it can again. Raises Problem 401, 404."""
    card = await _company_card(payments, tx, driver_id, company_id, card_id)
    if card.blocked != blocked:
        await cards.save(tx, replace(card, version=card.version + 1, blocked=blocked))


async def set_limits(
    payments: Payments, tx: Connection, principal: Principal, company_id: UUID, card_id: UUID, limits: Limits,
    plate: str | None,
) -> None:  # fmt: skip
    """Puts these into the place of all that were. To loosen any needs a fresh sign-in. Raises Problem 401, 403, 404."""
    card = await _company_card(payments, tx, principal.subject, company_id, card_id)
    await change_limits(payments, tx, principal, card, limits, plate)


async def take_back(payments: Payments, tx: Connection, driver_id: str, company_id: UUID, card_id: UUID) -> None:
    """The card is its driver's no more. Raises Problem 401, 404."""
    await close(tx, await _company_card(payments, tx, driver_id, company_id, card_id), datetime.now(UTC))


async def transactions_of(
    payments: Payments, tx: Connection, driver_id: str, company_id: UUID, before: int | None, limit: int
) -> tuple[str, list[Any]]:
    """The account's currency, and a page of all that moved on it. Raises Problem 401, 404."""
    company = await _managed(payments, tx, driver_id, company_id)
    account = account_of(company_id, company.currency)
    return company.currency, await cards.transactions(tx, account.id, None, before, limit)


def own_company(payments: Payments, driver_id: str, company_id: UUID) -> FindTarget:
    """A company that the driver manages, as what a recharge is for."""

    async def find(tx: Connection) -> Target:
        company = await _managed(payments, tx, driver_id, company_id, lock=True)
        if not await repository.count_cards(tx, company_id):
            raise Problem(409, "no-cards", "The company has no cards yet: what its account may hold follows from them.")
        return Target(None, company_id, company.currency)

    return find


async def dissolve(payments: Payments, tx: Connection, driver_id: str, company_id: UUID) -> tuple[Returned, str]:
    """Closes the company and all of its cards; what is left goes back, and in which currency.

    Raises Problem 401, 404, and 409 while orders still hold money of the account.
    """
    company = await _managed(payments, tx, driver_id, company_id, lock=True)
    held = (await ledger.balance(tx, account_of(company_id, company.currency))).held_minor
    if held:
        detail = f"Orders still hold {held} minor units of this account; settle or cancel them first."
        raise Problem(409, "company-in-use", detail, held_minor=held)
    return await close_company(tx, company, datetime.now(UTC)), company.currency


async def close_company(tx: Connection, company: Company, at: datetime) -> Returned:
    """Closes a company that is locked."""
    await close_all(tx, await repository.lock_cards(tx, company.company_id), at)
    await repository.close(tx, company.company_id, at)
    return await return_balance(tx, account_of(company.company_id, company.currency), company.company_id, at)


async def leave_all(tx: Connection, driver_id: str, at: datetime) -> int:
    """A driver who is erased manages nothing any more; a company without any manager left is closed. How many."""
    managed = await repository.companies_of(tx, driver_id, lock=True)
    for company in managed:
        if await repository.managers_of(tx, company.company_id) == [driver_id]:
            await close_company(tx, company, at)
        else:
            await repository.remove_manager(tx, company.company_id, driver_id)
    return len(managed)


async def _managed(
    payments: Payments, tx: Connection, driver_id: str, company_id: UUID, *, lock: bool = False
) -> Company:  # fmt: skip
    await require_present(payments.erasures, tx, driver_id)
    company = await repository.managed(tx, company_id, driver_id, lock=lock)
    if company is None:
        raise Problem(404, "no-such-company", "You manage no company with this id; GET /v1/companies lists yours.")
    return company


async def _company_card(
    payments: Payments, tx: Connection, driver_id: str, company_id: UUID, card_id: UUID
) -> Card:  # fmt: skip
    """An open card of a company that the driver manages, locked."""
    await _managed(payments, tx, driver_id, company_id)
    card = await cards.lock(tx, card_id)
    if card is None or card.company_id != company_id or card.closed_at is not None:
        raise Problem(404, "no-such-card", "The company has no open card with this id.")
    return card


async def _require_companies_left(tx: Connection, driver_id: str) -> None:
    if len(await repository.companies_of(tx, driver_id, lock=False)) >= MAX_COMPANIES:
        raise Problem(409, "too-many-companies", f"You manage {MAX_COMPANIES} companies; that is the most.")


def name_context(company_id: UUID) -> str:
    """What a company's name is sealed for."""
    return f"companies.name|{company_id}"
