"""`points`: the ledger of points, from end to end."""

from typing import Annotated

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


def show(command: str, *arguments: str, as_json: bool) -> None:
    """Runs a command of loyalty on this terminal and ends as it ended."""
    flags = ["--json"] if as_json else []
    service_commands.show(Config.from_environment(), SERVICE, MODULE, command, *arguments, *flags)
