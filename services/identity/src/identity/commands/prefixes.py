"""Prefixes of phone numbers that get no codes, since few came back."""

from typing import Annotated

import typer

from identity.commands.running import run, text
from identity.use_cases import prefixes
from servicekit.commands import AsJson, print_json

app = typer.Typer()


@app.command()
def list_prefixes(as_json: AsJson = False) -> None:
    """Show how many codes were sent to each prefix lately, how many came back, and what is blocked."""
    rates = [
        {"prefix": one.prefix, "sent": one.sent, "verified": one.verified, "blocked_until": text(one.blocked_until)}
        for one in run(prefixes.list_prefixes)
    ]
    if as_json:
        print_json(rates)
        return
    for rate in rates:
        typer.echo("  ".join(f"{name} {value}" for name, value in rate.items() if value != ""))


@app.command()
def unblock_prefix(prefix: Annotated[str, typer.Argument(help="As list-prefixes shows it, e.g. +86199.")]) -> None:
    """Send codes to a blocked prefix again, before its time."""
    run(lambda identity: prefixes.unblock_prefix(identity, prefix))
    typer.echo(f"{prefix} is sent codes again")
