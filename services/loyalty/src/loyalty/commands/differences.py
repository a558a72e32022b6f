"""Differences: what payers were promised and could not be taken as it was meant to be."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from loyalty.commands.running import run
from loyalty.repository.differences import Difference
from loyalty.use_cases import differences
from loyalty.use_cases.context import Loyalty
from servicekit.commands import AsJson, print_json

MOST_SHOWN = 1_000

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_differences(
    limit: Annotated[int, typer.Option(min=1, max=MOST_SHOWN, help="How many.")] = 50, as_json: AsJson = False
) -> None:
    """List what nobody has settled, the oldest first."""

    async def work(loyalty: Loyalty) -> list[Difference]:
        async with loyalty.store.connection() as connection:
            return await differences.to_settle(connection, limit)

    found = run(work)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    table = Table(*(Column(name, overflow="fold") for name in ("difference", "kind", "order", "details")), box=None)
    for one in found:
        details = ", ".join(f"{name} {value}" for name, value in one.details.items())
        table.add_row(str(one.difference_id), one.kind, str(one.order_id), details)
    Console().print(table if found else "nothing waits to be settled")


@app.command()
def settle(
    difference_id: Annotated[UUID, typer.Argument(help="`list` shows those to settle.")],
    by: Annotated[str, typer.Option(help="Who looked at it.")],
    note: Annotated[str, typer.Option(help="What was done about it.")],
) -> None:
    """Note that people are done with a difference; nothing else changes."""

    async def work(loyalty: Loyalty) -> None:
        at = datetime.now(UTC)
        await loyalty.store.transact(lambda tx: differences.settle(tx, difference_id, by, note, at))

    run(work)
    typer.echo("the difference is settled")
