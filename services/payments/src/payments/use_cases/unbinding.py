"""The end of a card: what is left on it goes back to where it came from, the newest recharge first.

The money leaves the card's account at once and waits in suspense for the provider, as a late payment does; so a card
that is closed holds nothing, and what comes back to it later (a hold, a refund of an order) is sent on by `sweep`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from payments.domain.cards import Card, account_of
from payments.domain.exceptions import Kind
from payments.domain.ledger import Account, AccountKind, Posting, Transfer, TransferKind
from payments.domain.recharges import Recharge, returns_of
from payments.domain.refunds import Refund, RefundPurpose, RefundStatus
from payments.repository import attempts, ledger, recharges, refunds
from payments.repository import cards as repository
from payments.use_cases.cards import lock_own
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import ITSELF, raise_exception
from schemas.orders import CardUnboundV1
from servicekit.envelope import to_records
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox
from servicekit.problems import Problem

REASON = "unbinding"
SWEEP_BATCH = 100


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of a balance."""

    refunded_minor: int
    left_minor: int
    """What no recharge can take back: people see to it."""


async def unbind(payments: Payments, tx: Connection, driver_id: str, card_id: UUID) -> tuple[Returned, str]:
    """The card is the driver's no more; what went back, and its currency.

    Raises Problem 401, 404, and 409 while an order still holds money of it.
    """
    card = await lock_own(payments, tx, driver_id, card_id)
    held = 0 if card.company_id else (await ledger.balance(tx, card.account)).held_minor
    if held:
        raise Problem(
            409, "card-in-use", f"Orders still hold {held} minor units of this card; settle or cancel them first.",
            held_minor=held,
        )  # fmt: skip
    return await close(tx, card, datetime.now(UTC)), card.currency


async def close(tx: Connection, card: Card, at: datetime) -> Returned:
    """Closes a card that is locked; of a company's card nothing goes back."""
    closed = replace(card, version=card.version + 1, closed_at=at)
    await repository.save(tx, closed)
    returned = Returned(0, 0) if card.company_id else await return_balance(tx, card.account, card.card_id, at)
    event = CardUnboundV1(
        card_id=card.card_id, version=closed.version, driver_id=card.driver_id, currency=card.currency, occurred_at=at,
        refunded_minor=returned.refunded_minor,
    )  # fmt: skip
    await append_to_outbox(tx, to_records([event]))
    return returned


async def return_balance(tx: Connection, account: Account, owner: UUID, at: datetime) -> Returned:
    """Sends all that is free on an account back through the charges that it came by.

    What is more than they were is for people: it came by no charge, or has been sent back already.
    """
    came_by = await recharges.lock_returnable(tx, account.id)  # before the balance is read: nobody else sends it back
    available = (await ledger.balance(tx, account)).available_minor
    returns = returns_of(available, came_by)
    for recharge, part in returns:
        await _send_back(tx, account, recharge, part, at)
    left = available - sum(part for _, part in returns)
    if left > 0:
        details = {"account_id": str(account.id), "owner": str(owner), "left_minor": left, "currency": account.currency}
        await raise_exception(tx, Kind.REFUND_FAILED, key=f"{Kind.REFUND_FAILED}|{owner}", details=details)
    return Returned(available - left, left)


async def _send_back(tx: Connection, account: Account, recharge: Recharge, amount_minor: int, at: datetime) -> None:
    attempt = (await attempts.find_paid(tx, recharge.recharge_id))[0]
    suspense = Account(AccountKind.SUSPENSE, attempt.provider, account.currency)
    refund = Refund(
        new_id(), RefundPurpose.RECHARGE, recharge.recharge_id, recharge.method, suspense.kind, suspense.owner,
        amount_minor, account.currency, REASON, RefundStatus.PENDING, ITSELF, at, attempt_id=attempt.attempt_id,
        next_look_at=at,
    )  # fmt: skip
    await recharges.save(tx, replace(recharge, returned_minor=recharge.returned_minor + amount_minor))
    await refunds.insert(tx, refund)
    postings = (Posting(account, -amount_minor), Posting(suspense, amount_minor))
    key = f"{TransferKind.UNBINDING}|{refund.refund_id}"
    await ledger.post(tx, [Transfer(new_id(), TransferKind.UNBINDING, key, postings, recharge.recharge_id)])


async def sweep(payments: Payments, now: datetime | None = None) -> int:
    """Sends on what came to cards and companies after they were closed; how much there was."""
    at, after, sent = now or datetime.now(UTC), UUID(int=0), 0
    while True:
        async with payments.store.connection() as connection:
            page = await repository.closed_with_money(connection, after, SWEEP_BATCH)
        for owner, currency in page:
            account = account_of(owner, currency)
            returned = await payments.store.transact(
                lambda tx, account=account, owner=owner: return_balance(tx, account, owner, at)
            )
            sent += returned.refunded_minor
        if not page:
            return sent
        after = page[-1][0]


async def close_all(tx: Connection, cards: Sequence[Card], at: datetime) -> None:
    """Closes cards that are locked."""
    for card in cards:
        await close(tx, card, at)
