"""`logs`: what a part of the stack wrote."""

import time
from pathlib import Path
from typing import Annotated

import typer

from local_stack.config import Config, StackError
from local_stack.processes import Process

POLL_SECONDS = 0.2


def logs(
    part: Annotated[str, typer.Argument(help="A service or a server, e.g. pricing or kafka.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=10_000, help="How many of the last lines.")] = 50,
) -> None:
    """Show the log of a service or a server.

    Example: `./forecourt logs pricing -f`
    """
    config = Config.from_environment()
    process = Process(config.data, part)
    if not process.log_file.exists():
        known = sorted(file.stem for file in process.log_file.parent.glob("*.log"))
        raise StackError(f"{part} has no log; there are: {', '.join(known) or 'none yet, run `./forecourt up`'}")
    position = process.log_file.stat().st_size
    typer.echo(process.log_tail(lines))
    if follow:
        _follow(process.log_file, position)


def _follow(file: Path, position: int) -> None:
    """Print what is appended, and start over when a restart has rotated the log."""
    while True:
        size = file.stat().st_size if file.exists() else 0
        if size < position:
            position = 0
        with file.open("rb") as log:
            log.seek(position)
            typer.echo(log.read().decode(errors="replace"), nl=False)
            position = log.tell()
        time.sleep(POLL_SECONDS)
