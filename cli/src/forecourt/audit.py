"""`audit`: who did what to whom at identity, and whether the log of it is what was written."""

import json
from pathlib import Path
from typing import Annotated

import typer

from forecourt.console import errors
from forecourt.identity import show
from local_stack.config import Config

NOTE = "audit log head"
"""The message under which identity logs the newest entry."""
MAX_HEADS = 100

app = typer.Typer(
    help="The audit log of identity.", no_args_is_help=True, rich_markup_mode="markdown", add_completion=False
)
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]


@app.command("list")
def list_entries(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this id.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this kind, e.g. login-added.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest entries.

    Example: `./forecourt audit list --action login-added`
    """
    given = [("--subject", subject), ("--action", action)]
    options = [f"{name}={value}" for name, value in given if value is not None]
    show("list-audit", f"--limit={limit}", *options, as_json=as_json)


@app.command()
def verify(
    head: Annotated[
        list[str] | None, typer.Option(help="SEQUENCE:HASH of an entry that must be there, from logs kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every entry, and that those which the service's own log names are there; code 1 if one is not.

    Example: `./forecourt audit verify`
    """
    heads = [*(head or ()), *logged_heads(Config.from_environment())]
    if not heads:
        errors.print("[dim]no log of identity names an entry: a log that was cut off whole would pass[/]")
    show("verify-audit", *(f"--head={one}" for one in heads), as_json=as_json)


def logged_heads(config: Config) -> list[str]:
    """SEQUENCE:HASH of the newest entries that identity's log files name."""
    files = sorted((config.data / "logs").glob("identity.log*"), key=lambda file: file.stat().st_mtime)
    return [head for file in files for head in _heads(file)][-MAX_HEADS:]


def _heads(file: Path) -> list[str]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        documents = [_json(line) for line in lines if NOTE in line]
    noted = [one for one in documents if one.get("message") == NOTE and one.get("sequence")]
    return [f"{one['sequence']}:{one['hash']}" for one in noted]


def _json(line: str) -> dict[str, object]:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}  # the end of a line that a full disk or a kill cut off
