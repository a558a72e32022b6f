"""`cards`: printed fuel cards, which drivers bind by the code that comes with each."""

from pathlib import Path
from typing import Annotated

import typer

from forecourt.payments import show

app = typer.Typer(help="Printed fuel cards.", no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, resolve_path=True, help="CSV: number,activation_code,currency.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]


@app.callback()
def _describe() -> None:
    """Printed fuel cards."""


@app.command("import")
def import_cards(file: File, as_json: AsJson = False) -> None:
    """Put printed cards into stock, so that whoever has one in the hand can bind it; code 1 if a line was left out.

    A card that is in stock already gets the new code; one that is bound is left alone.

    Example: `./forecourt cards import cards.csv`
    """
    show("cards", "import", str(file), as_json=as_json)
