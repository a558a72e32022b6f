"""`points`: the ledger of points, from end to end."""

from typing import Annotated
from uuid import UUID

import typer

from forecourt import service_commands
from local_stack.config import Config

app = typer.Typer(help="The ledger of points.", no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]
SERVICE, MODULE = "loyalty", "loyalty.commands"


@app.command()
def check(as_json: AsJson = False) -> None:
    """Sum up all points; code 1 unless lots, balances and postings say the same, and all accounts sum to zero.

    Example: `./forecourt points check`
    """
    show("points", "check", as_json=as_json)


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Make all lots and balances anew from the postings; code 1 if one was not what its postings say.

    Example: `./forecourt points rebuild`
    """
    show("points", "rebuild", as_json=as_json)


@app.command()
def differences(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 50, as_json: AsJson = False
) -> None:
    """List what payers were promised and could not be taken as it was meant to be, until somebody settles it.

    Example: `./forecourt points differences`
    """
    show("differences", "list", f"--limit={limit}", as_json=as_json)


@app.command()
def settle(
    difference_id: Annotated[UUID, typer.Argument(help="`./forecourt points differences` lists them.")],
    by: Annotated[str, typer.Option(help="Who looked at it.")],
    note: Annotated[str, typer.Option(help="What was done about it.")],
) -> None:
    """Note that people are done with a difference; nothing else changes.

    Example: `./forecourt points settle 0199a000-0000-7000-8000-0000000005d1 --by Ada --note 'told the operator'`
    """
    show("differences", "settle", str(difference_id), f"--by={by}", f"--note={note}", as_json=False)


def show(command: str, *arguments: str, as_json: bool) -> None:
    """Runs a command of loyalty on this terminal and ends as it ended."""
    flags = ["--json"] if as_json else []
    service_commands.show(Config.from_environment(), SERVICE, MODULE, command, *arguments, *flags)
