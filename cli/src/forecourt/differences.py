"""`differences`: what loyalty promised payers and could not take as it was meant to be."""

from typing import Annotated
from uuid import UUID

import typer

from forecourt.points import show

app = typer.Typer(
    help="Discounts that were paid with and went elsewhere meanwhile.", no_args_is_help=True,
    rich_markup_mode="markdown", add_completion=False,
)  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]


@app.command("list")
def list_differences(
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50, as_json: AsJson = False
) -> None:  # fmt: skip
    """List what nobody has settled, the oldest first.

    Example: `./forecourt differences list`
    """
    show("differences", "list", f"--limit={limit}", as_json=as_json)


@app.command()
def settle(
    difference_id: UUID, by: Annotated[str, typer.Option(help="Who looked at it.")],
    note: Annotated[str, typer.Option(help="What was done about it.")],
) -> None:  # fmt: skip
    """Note that people are done with a difference; nothing else changes.

    Example: `./forecourt differences settle 0199a000-0000-7000-8000-0000000005e1 --by Ada --note "once is fine"`
    """
    show("differences", "settle", str(difference_id), f"--by={by}", f"--note={note}", as_json=False)
