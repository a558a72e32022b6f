"""Rewards that could not be given, however often it was tried."""

from typing import Any

import typer
from rich.console import Console
from rich.table import Column, Table

from loyalty.commands.running import run
from loyalty.repository import rewards
from loyalty.use_cases.context import Loyalty
from servicekit.commands import AsJson, print_json

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_given_up(as_json: AsJson = False) -> None:
    """List orders whose rewards were given up, the oldest first, with the kind of error; the log has the rest."""

    async def work(loyalty: Loyalty) -> list[dict[str, Any]]:
        async with loyalty.store.connection() as connection:
            return await rewards.given_up(connection)

    found = run(work)
    if as_json:
        print_json(found)
        return
    table = Table(*(Column(name, overflow="fold") for name in ("order", "tries", "error", "given up")), box=None)
    for one in found:
        table.add_row(*map(str, one.values()))
    Console().print(table if found else "no rewards were given up")


@app.command()
def retry() -> None:
    """Try them all once more, once what was wrong is mended."""

    async def work(loyalty: Loyalty) -> int:
        return await loyalty.store.transact(rewards.try_again)

    typer.echo(f"{run(work)} orders' rewards will be tried again")
