"""The ledger of points: whether it adds up, and its balances made anew."""

import typer
from rich.console import Console
from rich.table import Column, Table

from loyalty.commands.running import run
from loyalty.use_cases import books
from servicekit.commands import AsJson, print_json

app = typer.Typer(no_args_is_help=True)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Sum up all points: lots, balances and postings say the same, and all accounts sum to zero; else code 1."""
    counters, differences = run(books.check)
    total = sum(counters.values())
    if as_json:
        found = [dict(one) for one in differences]
        print_json({"accounts": counters, "total": total, "differences": found})
    else:
        table = Table(Column("account"), Column("points", justify="right"), box=None)
        for account, points in (counters | {"all": total}).items():
            table.add_row(account, f"{points:,}")
        Console().print(table)
        for one in differences:
            typer.echo(f"driver {one['driver_id']}: balance {one['balance']:,}, lots {one['of_lots']:,}, "
                       f"postings {one['of_postings']:,}")  # fmt: skip
        typer.echo("the points do NOT add up" if differences or total else "the points add up")
    if differences or total:
        raise typer.Exit(1)


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Make all lots and balances anew from the postings; code 1 if one was not what its postings say."""
    mended = run(books.rebuild)
    if as_json:
        print_json({"mended": mended})
    else:
        typer.echo(f"{mended:,} were not what their postings say, and are now" if mended else "all were right already")
    if mended:
        raise typer.Exit(1)
