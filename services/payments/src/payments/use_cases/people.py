"""What the service has of people: orders and payments, which the books keep under an id, and what only they need."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from payments.repository import disputes
from payments.repository import people as repository
from payments.use_cases import card_people, invoices, payers, titles
from payments.use_cases.context import Payments
from servicekit.postgres import Connection

Collect = Callable[[Payments, Connection, str], Awaitable[list[dict[str, Any]]]]
"""What there is of a person, each item as plain data."""
Erase = Callable[[Payments, Connection, str], Awaitable[int]]
"""Deletes it, or takes out all that says more than the id; how many items that were."""
Move = Callable[[Payments, Connection, str, str], Awaitable[None]]
"""Gives it to the person's other account."""

COLLECTS: Mapping[str, Collect] = {
    "orders": repository.orders_of,
    "disputes": disputes.collect,
    "payers": payers.collect,
    "fuel_cards": card_people.collect,
    "recharges": card_people.collect_recharges,
    "companies": card_people.collect_companies,
    "invoice_titles": titles.collect,
    "invoices": invoices.collect,
}
"""One row for each kind of data that an export holds."""
ERASES: Mapping[str, Erase] = {
    "texts_of_disputes": disputes.erase,
    "payers": payers.erase,
    "fuel_cards": card_people.erase,
    "managed_companies": card_people.leave_companies,
    "invoice_titles": titles.erase,
    "invoices_not_issued": invoices.erase,
}
MOVES: Mapping[str, Move] = {
    "orders": repository.move_orders,
    "disputes": disputes.move,
    "payers": payers.move,
    "fuel_cards": card_people.move,
    "recharges": card_people.move_recharges,
    "invoice_titles": titles.move,
    "invoices": invoices.move,
}
KEPT = frozenset({"orders", "disputes", "invoices", "fuel_cards", "recharges"})
"""What the books keep, under an id that only identity could tell from another; the tax law keeps an invoice's buyer."""


class PeopleData:
    """See servicekit.personal_data.PersonalData."""

    kept = KEPT

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def collect(self, subject: str) -> dict[str, Any]:
        """All that there is of a person."""
        async with self._payments.store.connection() as connection:
            return {kind: await collect(self._payments, connection, subject) for kind, collect in COLLECTS.items()}

    async def erase(self, tx: Connection, subject: str) -> dict[str, int]:
        """Deletes what is the person's own, and the key of what was sealed for the person."""
        erased = {kind: await erase(self._payments, tx, subject) for kind, erase in ERASES.items()}
        erased["idempotent_replies"] = await repository.delete_replies(tx, subject)
        await self._payments.vault.shred(tx, subject)
        return erased

    async def merge(self, tx: Connection, subject: str, into: str) -> None:
        """Hands all over to the person's other account."""
        for move in MOVES.values():
            await move(self._payments, tx, subject, into)
        await repository.delete_replies(tx, subject)
        await self._payments.vault.shred(tx, subject)
