"""Charges at providers: what was asked of them for an order or a recharge, and how far each is."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from payments.commands.running import run
from payments.domain.attempts import Attempt
from payments.repository import attempt_queries
from payments.use_cases.context import Payments
from servicekit.commands import AsJson, print_json

SHOWN = ("provider", "number", "status", "amount_minor", "currency", "created_at")


def charges(
    purpose_id: Annotated[UUID, typer.Argument(help="An order, or a recharge of a card.")], as_json: AsJson = False
) -> None:
    """List the charges at providers for an order or a recharge, the newest first; `number` is ours at the provider."""

    async def work(payments: Payments) -> Sequence[Attempt]:
        async with payments.store.connection() as connection:
            return await attempt_queries.of_purpose(connection, purpose_id)

    found = [_document(one) for one in run(work)]
    if as_json:
        print_json(found)
        return
    table = Table(*(Column(name, overflow="fold") for name in SHOWN), box=None)
    for one in found:
        table.add_row(*(str(one[name]) for name in SHOWN))
    Console().print(table if found else "nothing was asked of a provider for it")


def _document(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt_id": attempt.attempt_id, "provider": attempt.provider, "number": attempt.attempt_id.hex,
        "trade_id": attempt.trade_id, "status": attempt.status, "amount_minor": attempt.amount_minor,
        "currency": attempt.currency, "created_at": attempt.created_at, "expires_at": attempt.expires_at,
    }  # fmt: skip
