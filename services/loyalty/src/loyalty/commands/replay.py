"""A topic played through loyalty once more."""

import typer
from msgspec import to_builtins
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table

from loyalty.commands.running import run
from loyalty.consumer import subscriptions
from loyalty.use_cases import books
from servicekit.commands import AsJson, print_json


def replay(topic: str, as_json: AsJson = False) -> None:
    """Play a topic once more from its oldest record; code 1 if anything is not what it was before, or was refused."""
    columns = (TextColumn("records"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("records", total=None)
        found = run(
            lambda loyalty: books.replay(
                loyalty,
                subscriptions(loyalty),
                topic,
                lambda read, total: progress.update(task, completed=read, total=total),
            )
        )
    if as_json:
        print_json(to_builtins(found))
    else:
        table = Table(Column("what"), Column("changed", justify="right"), box=None)
        for name, changed in found.changed.items():
            table.add_row(name, f"{changed:,}")
        Console().print(table)
        typer.echo(f"{found.read:,} records read, {found.handled:,} events handled once more: "
                   f"{found.refused:,} refused, {found.changed['balances']:,} balances changed")  # fmt: skip
    if found.refused or any(found.changed.values()):
        raise typer.Exit(1)
