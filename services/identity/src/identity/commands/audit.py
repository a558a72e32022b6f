"""The audit log: shown, and checked from end to end."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from identity.commands.running import run, text
from identity.domain.audit import Head, Stored
from identity.use_cases import audit
from identity.use_cases.context import Identity
from servicekit.commands import AsJson, print_json

MAX_LISTED = 10_000

app = typer.Typer()


@app.command()
def list_audit(
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="How many, the newest first.")] = 50,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this id.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this kind, e.g. login-added.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest entries of the audit log."""
    entries = run(lambda identity: audit.list_entries(identity, limit, subject, action))
    if as_json:
        print_json([_document(one) for one in entries])
        return
    names = ("entry", "when", "who", "did", "to", "details")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for entry in (one.entry for one in entries):
        details = " ".join(f"{name}={json.dumps(value)}" for name, value in entry.details.items())
        table.add_row(str(entry.sequence), text(entry.at), entry.actor, entry.action, entry.subject, details)
    Console().print(table)


@app.command()
def verify_audit(
    head: Annotated[
        list[str] | None,
        typer.Option(help="SEQUENCE:HASH of an entry, as the service logged it: it must be there; repeat for more."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that the audit log is what was written; the first entry that is not ends the command with code 1."""
    known = dict(map(_known, head or ()))
    end = run(lambda identity: _verify(identity, known))
    document = {"entries": end.sequence, "head": f"{end.sequence}:{end.hash.hex()}", "compared_with": len(known)}
    if as_json:
        print_json(document)
    else:
        typer.echo(f"{end.sequence:,} entries are as they were written; {len(known)} were noted elsewhere, too")


async def _verify(identity: Identity, known: dict[int, bytes]) -> Head:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking the audit log", total=None)

        def show(done: int, whole: int) -> None:
            bar.update(task, completed=done, total=whole)

        return await audit.verify(identity, known, show)


def _known(head: str) -> tuple[int, bytes]:
    sequence, _, digest = head.partition(":")
    try:
        return int(sequence), bytes.fromhex(digest)
    except ValueError as error:
        raise typer.BadParameter("--head is SEQUENCE:HASH, as the service logs it") from error


def _document(stored: Stored) -> dict[str, Any]:
    entry = stored.entry
    return {
        "sequence": entry.sequence, "at": entry.at.isoformat(), "actor": entry.actor, "action": entry.action,
        "subject": entry.subject, "details": entry.details, "hash": stored.hash.hex(),
    }  # fmt: skip
