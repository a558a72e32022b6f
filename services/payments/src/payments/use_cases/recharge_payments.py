"""Charges at providers that are for a recharge; see use_cases.purposes.Purpose.

The card, or the company, is locked before the recharge: what may be on it is decided by what is on it at this moment.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from payments.domain.attempts import Attempt
from payments.domain.card_rules import recharge_refusal
from payments.domain.cards import Card, account_of
from payments.domain.ledger import Account, AccountKind, Posting, Transfer, TransferKind
from payments.domain.orders import Order
from payments.domain.recharges import OPEN, Recharge, RechargeStatus
from payments.repository import cards, companies, ledger
from payments.repository import recharges as repository
from payments.use_cases.context import Payments
from schemas.orders import CardRechargedV1
from servicekit.envelope import to_records
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox


@dataclass(frozen=True, slots=True)
class Recharging:
    """A recharge and what it is for, both locked; `card` is None of a company's."""

    recharge: Recharge
    card: Card | None
    named: bool
    cards: int
    """How many open cards draw on the account; 0: it takes nothing any more."""


async def lock(tx: Connection, purpose_id: UUID) -> Recharging:
    """The recharge, which nobody else can change until the transaction ends."""
    known = await repository.find(tx, purpose_id)
    if known is None:
        raise LookupError(f"an attempt names the recharge {purpose_id}, which is not there")
    card, named, count = await lock_owner(tx, known.card_id, known.company_id)
    recharge = await repository.lock(tx, purpose_id)
    return Recharging(recharge or known, card, named, count)


async def lock_owner(
    tx: Connection, card_id: UUID | None, company_id: UUID | None
) -> tuple[Card | None, bool, int]:  # fmt: skip
    """What a recharge is for, locked: the card, whether its holder is known by name, how many open cards draw on it."""
    if company_id is not None:
        company = await companies.lock(tx, company_id)
        is_open = company is not None and company.closed_at is None
        return None, True, await companies.count_cards(tx, company_id) if is_open else 0
    card = await cards.lock(tx, card_id) if card_id is not None else None
    if card is None:
        raise LookupError("a recharge names a card that is not there")
    return card, card.named, int(card.closed_at is None)


def is_wanted(subject: Recharging) -> bool:
    """Whether it waits for its payment."""
    return subject.recharge.status in OPEN


def order_of(_: Recharging) -> Order | None:
    """It is about no order."""
    return None


async def take(_: Payments, tx: Connection, subject: Recharging, attempt: Attempt, at: datetime) -> bool:
    """The charge is paid: it goes onto the card, unless that is closed or full by now, or nobody waits for it."""
    recharge = subject.recharge
    account = account_of(recharge.owner, recharge.currency)
    balance = (await ledger.balance(tx, account)).posted_minor
    if not is_wanted(subject) or not subject.cards or recharge_refusal(
        recharge.currency, balance, recharge.amount_minor, named=subject.named, cards=subject.cards
    ):  # fmt: skip
        await repository.save(tx, replace(recharge, status=RechargeStatus.SENT_BACK, paid_at=at))
        return False
    await ledger.post(tx, [_charged(attempt, account)])
    await repository.save(tx, replace(recharge, status=RechargeStatus.PAID, paid_at=at))
    if subject.card is not None:
        await _tell(tx, subject.card, recharge, balance + recharge.amount_minor, at)
    return True


def _charged(attempt: Attempt, account: Account) -> Transfer:
    provider = Account(AccountKind.PROVIDER, attempt.provider, attempt.currency)
    postings = (Posting(provider, -attempt.amount_minor), Posting(account, attempt.amount_minor))
    key = f"payment|{attempt.attempt_id}"
    return Transfer(new_id(), TransferKind.RECHARGE, key, postings, attempt.purpose_id)


async def _tell(tx: Connection, card: Card, recharge: Recharge, balance_minor: int, at: datetime) -> None:
    changed = replace(card, version=card.version + 1)
    await cards.save(tx, changed)
    event = CardRechargedV1(
        card_id=card.card_id, version=changed.version, driver_id=card.driver_id, currency=card.currency, occurred_at=at,
        recharge_id=recharge.recharge_id, amount_minor=recharge.amount_minor, balance_minor=balance_minor,
        method=recharge.method,
    )  # fmt: skip
    await append_to_outbox(tx, to_records([event]))


async def lose(tx: Connection, subject: Recharging, at: datetime) -> None:
    """Nobody knows whether it is paid."""
    await repository.save(tx, replace(subject.recharge, status=RechargeStatus.UNKNOWN))


async def fail(tx: Connection, subject: Recharging, at: datetime) -> None:
    """Nothing was charged; the driver may begin another recharge."""
    await repository.save(tx, replace(subject.recharge, status=RechargeStatus.FAILED))
