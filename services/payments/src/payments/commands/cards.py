"""Printed fuel cards: what is in stock."""

from pathlib import Path
from typing import Annotated

import typer

from payments.commands.running import run
from payments.use_cases import card_stock
from payments.use_cases.card_stock import Imported
from payments.use_cases.context import Payments
from servicekit.commands import AsJson, print_json

app = typer.Typer(help="Printed fuel cards.", no_args_is_help=True)


@app.callback()
def _describe() -> None:
    """Printed fuel cards."""


@app.command("import")
def import_cards(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV: number,activation_code,currency")],
    as_json: AsJson = False,
) -> None:
    """Put printed cards into stock, so that whoever has one in the hand can bind it.

    A card that is in stock already gets the new activation code; one that is bound is left alone.
    """

    async def work(payments: Payments) -> Imported:
        with file.open(newline="", encoding="utf-8-sig") as text:
            return await card_stock.import_cards(payments, text)

    try:
        imported = run(work)
    except (ValueError, OSError) as error:
        typer.echo(f"error: {file.name}: {error}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        print_json({"cards": dict(imported.cards), "wrong_lines": imported.wrong_lines, "wrong": imported.wrong})
    else:
        typer.echo(", ".join(f"{count} {what}" for what, count in sorted(imported.cards.items())) or "no cards")
    for line, why in imported.wrong:
        typer.echo(f"line {line} was left out: {why}", err=True)
    if imported.wrong_lines:
        raise typer.Exit(1)
