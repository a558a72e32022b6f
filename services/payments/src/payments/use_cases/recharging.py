"""Putting money on a card, or on a company's account, by a charge at a provider that the phone confirms."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.attempts import Attempt, AttemptStatus
from payments.domain.card_rules import recharge_refusal
from payments.domain.cards import CardStatus, account_of
from payments.domain.provider_words import Provider
from payments.domain.recharge_views import recharge_view
from payments.domain.recharges import Recharge, RechargeStatus
from payments.repository import attempts as charges
from payments.repository import ledger
from payments.repository import recharges as repository
from payments.use_cases import attempts
from payments.use_cases.cards import lock_own
from payments.use_cases.context import Payments
from payments.use_cases.payers import payer_of
from payments.use_cases.recharge_payments import lock_owner
from servicekit.idempotency import UNFINISHED, IdempotentRequest, Reply, finish, once, patiently
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem, problem_body

DESCRIPTION = "Fuel card"
"""What the payer reads in the provider's app."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the money is for: a card, or a company's account."""

    card_id: UUID | None
    company_id: UUID | None
    currency: str

    @property
    def owner(self) -> UUID:
        """Whose account in the ledger it is."""
        owner = self.card_id or self.company_id
        assert owner is not None  # noqa: S101 - whoever makes one names one of them
        return owner


FindTarget = Callable[[Connection], Awaitable[Target]]
"""Locks what the money is for and sees that it is the driver's. Raises Problem."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants to put how much where, and by which provider."""

    driver_id: str
    amount_minor: int
    provider: Provider
    request: IdempotentRequest


def own_card(payments: Payments, driver_id: str, card_id: UUID) -> FindTarget:
    """One of the driver's own cards that takes money."""

    async def find(tx: Connection) -> Target:
        card = await lock_own(payments, tx, driver_id, card_id)
        if card.company_id is not None:
            raise Problem(409, "company-card", "This is a company's card: its manager recharges the company's account.")
        if card.status_at(datetime.now(UTC)) is CardStatus.EXPIRED:
            raise Problem(409, "card-expired", "This card has expired: name its holder first, or unbind it.")
        return Target(card_id, None, card.currency)

    return find


async def recharge(payments: Payments, wish: Wish, find_target: FindTarget) -> Reply:
    """The recharge with what the phone needs; the same reply for all who ask with the same key.

    Raises Problem 409 `method-not-offered`, `payer-missing`, `card-cap`, and those of `find_target`.
    """
    attempts.channel_of(payments, wish.provider)
    return await patiently(lambda: _recharge(payments, wish, find_target))


async def _recharge(payments: Payments, wish: Wish, find_target: FindTarget) -> Reply:
    """Stores the charge with the key, asks the provider, and puts what came of it into the key's reply."""
    begun: tuple[Recharge, Attempt, str] | None = None

    async def store(tx: Connection) -> Reply:
        nonlocal begun
        begun = None

        async def effect() -> Reply:
            nonlocal begun
            begun = await _begin(payments, tx, wish, await find_target(tx))
            return Reply(UNFINISHED, _body(begun[0], begun[1]))

        return await once(tx, wish.request, effect)

    reply = await payments.store.transact(store)
    if begun is None:
        return reply
    made, attempt, payer_id = begun
    await attempts.create(payments, attempt, payer_id, DESCRIPTION)
    return await payments.store.transact(lambda tx: _finish(tx, wish, made.recharge_id, attempt.attempt_id))


async def _begin(
    payments: Payments, tx: Connection, wish: Wish, target: Target
) -> tuple[Recharge, Attempt, str]:  # fmt: skip
    at, account = datetime.now(UTC), account_of(target.owner, target.currency)
    await _require_room(tx, target, wish.amount_minor)
    payer_id = await payer_of(payments, tx, wish.driver_id, wish.provider)
    made = Recharge(
        new_id(), target.card_id, target.company_id, account.id, wish.driver_id, wish.provider, wish.amount_minor,
        target.currency, RechargeStatus.WAITING, at,
    )  # fmt: skip
    await repository.insert(tx, made)
    attempt = await attempts.begin(
        payments, tx, "recharge", made.recharge_id, wish.driver_id, wish.provider, wish.amount_minor, target.currency,
        at,
    )  # fmt: skip
    return made, attempt, payer_id


async def _require_room(tx: Connection, target: Target, amount_minor: int) -> None:
    """What is on the account already, and what is on its way to it, counts. Raises Problem 409 `card-cap`."""
    account = account_of(target.owner, target.currency)
    _, named, cards = await lock_owner(tx, target.card_id, target.company_id)
    there = (await ledger.balance(tx, account)).posted_minor + await repository.open_minor(tx, account.id)
    if refusal := recharge_refusal(target.currency, there, amount_minor, named=named, cards=cards):
        raise Problem(
            409, "card-cap", refusal.text, rule=refusal.rule, limit=refusal.limit, remaining=refusal.remaining
        )  # fmt: skip


async def _finish(tx: Connection, wish: Wish, recharge_id: UUID, attempt_id: UUID) -> Reply:
    attempt, made = await charges.find(tx, attempt_id), await repository.find(tx, recharge_id)
    assert attempt is not None and made is not None  # noqa: S101, PT018 - both were stored before
    if attempt.status is AttemptStatus.FAILED:
        refused = Problem(
            409, "payment-refused", f"{wish.provider} did not take the payment, and nothing was charged. Try again "
            "with a new Idempotency-Key, or choose another method.", code=attempt.error,
        )  # fmt: skip
        reply = Reply(409, problem_body(refused))
    else:
        reply = Reply(201, _body(made, attempt))
    await finish(tx, wish.request, reply)
    return reply


async def look(tx: Connection, recharge_id: UUID, owner: UUID) -> dict[str, Any]:
    """How far a recharge of a card or company is. Raises Problem 404."""
    found = await repository.find(tx, recharge_id)
    if found is None or found.owner != owner:
        raise Problem(404, "no-such-recharge", "There is no recharge with this id here.")
    return recharge_view(found, await charges.find_open(tx, recharge_id))


def _body(made: Recharge, attempt: Attempt) -> bytes:
    return msgspec.json.encode(recharge_view(made, attempt))
