"""What people do about a ticket: correct the books by a transfer of its own, or accept that nothing need be done."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.ledger import Account, InsufficientFunds, Posting, Transfer, TransferKind
from payments.domain.reconciliation import Ticket, TicketStatus, TicketStep
from payments.repository import ledger
from payments.repository import tickets as repository
from payments.use_cases.context import Payments
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two people who decide about a ticket together, and why."""

    by: tuple[str, str]
    reason: str

    def __post_init__(self) -> None:
        names = {name.strip().casefold() for name in self.by}
        if len(names) != 2 or "" in names:
            raise Problem(409, "second-person-needed", "Two different people decide about a ticket: name both.")


@dataclass(frozen=True, slots=True)
class Correction:
    """Money that moves from one account to another; `subject` is the order, recharge or refund that it is about."""

    debit: Account
    credit: Account
    amount_minor: int
    subject: UUID | None = None


async def correct(payments: Payments, ticket_id: UUID, correction: Correction, agreement: Agreement) -> UUID:
    """Posts the transfer and settles the ticket; its id. The next run tells whether the difference is gone.

    Raises Problem 404, 409: a ticket is corrected once, until a run has found other numbers.
    """

    async def work(tx: Connection) -> UUID:
        ticket = await _lock_open(tx, ticket_id)
        transfer = _transfer(ticket, correction)
        await ledger.post(tx, [transfer])
        await _settle(tx, ticket, TicketStep.CORRECTED, agreement, {
            "transfer_id": str(transfer.id), "debit": str(correction.debit.id), "credit": str(correction.credit.id),
            "amount_minor": correction.amount_minor, "currency": correction.debit.currency,
        })  # fmt: skip
        return transfer.id

    try:
        return await payments.store.transact(work)
    except InsufficientFunds as error:
        raise Problem(409, "insufficient-funds", f"Nothing was posted: {error}.") from None


async def accept(payments: Payments, ticket_id: UUID, agreement: Agreement) -> None:
    """Settles a ticket about which nothing need be done. Raises Problem 404, 409."""

    async def work(tx: Connection) -> None:
        await _settle(tx, await _lock_open(tx, ticket_id), TicketStep.ACCEPTED, agreement, {})

    await payments.store.transact(work)


async def list_open(payments: Payments, limit: int) -> list[Ticket]:
    """The tickets to settle, the newest first."""
    async with payments.store.connection() as connection:
        return await repository.open_tickets(connection, limit)


async def _lock_open(tx: Connection, ticket_id: UUID) -> Ticket:
    ticket = await repository.lock(tx, ticket_id)
    if ticket is None:
        raise Problem(404, "no-such-ticket", "There is no such ticket; `reconcile tickets` lists those that are open.")
    if ticket.status is not TicketStatus.OPEN:
        raise Problem(409, "ticket-not-open", f"The ticket is {ticket.status}; a run opens it if its numbers change.")
    return ticket


async def _settle(
    tx: Connection, ticket: Ticket, step: TicketStep, agreement: Agreement, details: dict[str, Any]
) -> None:
    await repository.settle(tx, ticket.ticket_id)
    text = msgspec.json.encode({"reason": agreement.reason, **details}).decode()
    await repository.insert_step(
        tx, ticket.ticket_id, step, " and ".join(agreement.by), datetime.now(UTC), None, text
    )  # fmt: skip


def _transfer(ticket: Ticket, correction: Correction) -> Transfer:
    transfer_id = new_id()
    try:
        return Transfer(
            transfer_id, TransferKind.CORRECTION, f"{TransferKind.CORRECTION}|{ticket.ticket_id}|{transfer_id}",
            (
                Posting(correction.debit, -correction.amount_minor),
                Posting(correction.credit, correction.amount_minor),
            ),
            correction.subject or _subject_of(ticket),
        )  # fmt: skip
    except ValueError:
        raise Problem(409, "not-a-transfer", "Both accounts have one currency, and the amount is not zero.") from None


def _subject_of(ticket: Ticket) -> UUID | None:
    """The order or recharge that the ticket names, if it names one."""
    try:
        return UUID(ticket.subject.partition("|")[0])
    except ValueError:
        return None
