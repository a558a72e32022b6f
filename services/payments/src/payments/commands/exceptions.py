"""Exceptions: also those of no station, which nobody sees over HTTP."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from payments.commands.running import run
from payments.domain.exceptions import Action, Case, Reason
from payments.repository import exceptions as repository
from payments.use_cases import deciding
from payments.use_cases.context import Payments
from servicekit.commands import AsJson, print_json
from servicekit.postgres import Connection
from servicekit.problems import Problem

MOST_SHOWN = 1_000

app = typer.Typer(no_args_is_help=True, help="What only people can settle.")
ExceptionId = Annotated[UUID, typer.Argument(help="`list` shows those to decide.")]
By = Annotated[str, typer.Option(help="Who decides.")]


@app.command("list")
def list_exceptions(
    without_station: Annotated[bool, typer.Option("--without-station", help="Only those of no station.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST_SHOWN, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the exceptions to decide, the newest first, each with what can be done about it."""

    async def work(payments: Payments) -> Sequence[Case]:
        async with payments.store.connection() as connection:
            return await repository.to_decide(connection, without_station=without_station, limit=limit)

    found = run(work)
    if as_json:
        print_json([_document(one) for one in found])
        return
    names = ("exception", "kind", "status", "station", "details", "actions")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for one in found:
        details = ", ".join(f"{name} {value}" for name, value in one.details.items())
        table.add_row(
            str(one.exception_id), one.kind, one.status, str(one.station_id or ""), details, " ".join(one.actions)
        )
    Console().print(table if found else "nothing waits for a decision")


@app.command()
def resolve(
    exception_id: ExceptionId, action: Action, reason: Reason, by: By, amount_minor: int | None = None,
    volume_ml: int | None = None, note: str | None = None,
) -> None:  # fmt: skip
    """Do one of an exception's actions; above the limit it waits for `approve` by somebody else."""

    async def decide(payments: Payments, tx: Connection, case: Case) -> Case:
        return await deciding.resolve(
            payments, tx, case, action, reason, by, amount_minor=amount_minor, volume_ml=volume_ml, note=note
        )

    _decide(exception_id, decide)


@app.command()
def approve(exception_id: ExceptionId, by: By) -> None:
    """Agree to what somebody else decided, and it is done."""
    _decide(exception_id, lambda payments, tx, case: deciding.approve(payments, tx, case, by))


def _decide(exception_id: UUID, decide: Any) -> None:
    async def work(payments: Payments) -> Case:
        async def in_one(tx: Connection) -> Case:
            case = await repository.find(tx, exception_id)
            if case is None:
                raise Problem(404, "no-such-exception", "There is no such exception.")
            return await decide(payments, tx, case)

        return await payments.store.transact(in_one)

    typer.echo(f"the exception is {run(work).status}")


def _document(one: Case) -> dict[str, Any]:
    return {
        "exception_id": one.exception_id, "kind": one.kind, "status": one.status, "station_id": one.station_id,
        "order_id": one.order_id, "details": one.details, "raised_at": one.raised_at, "actions": list(one.actions),
    }  # fmt: skip
