"""The command `forecourt`: the one place where its commands are listed."""

import sys

import typer

from forecourt import doctor, lifecycle, logs, status, tail, topics
from forecourt.console import errors
from local_stack.config import StackError

app = typer.Typer(
    help="Run the whole refuelling platform on this machine, and look inside it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)

# In the order in which a person needs them; a new command is one more line.
app.command()(lifecycle.up)
app.command()(lifecycle.down)
app.command()(status.status)
app.command()(doctor.doctor)
app.command()(logs.logs)
app.command()(tail.tail)
app.command()(topics.topics)
app.command()(lifecycle.migrate)


def main() -> None:
    """Run a command; an expected error is one clear line and exit code 1."""
    try:
        app()
    except StackError as error:
        errors.print("[bold red]error:[/] ", end="")
        errors.print(str(error), markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
