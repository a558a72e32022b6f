"""What is known of a person: erased on request, erased again after a restore, and the proof of it."""

import sys
from typing import Annotated, Any
from uuid import UUID

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from identity.commands.running import AsJson, print_json, run, text
from identity.providers.people_topic import read_gone
from identity.use_cases import erasure, proof
from identity.use_cases.context import Identity
from identity.use_cases.proof import Statement
from servicekit.problems import Problem

app = typer.Typer()
UserId = Annotated[UUID, typer.Argument(help="The person's id.")]


@app.command()
def erase_person(
    user_id: UserId,
    confirm: Annotated[UUID, typer.Option(help="The id once more: this cannot be undone.")],
    as_json: AsJson = False,
) -> None:
    """Forget a person for ever, as the person itself may do."""
    if confirm != user_id:
        raise typer.BadParameter("this is another id; nothing was erased", param_hint="--confirm")

    async def work(identity: Identity) -> erasure.Counts:
        return await identity.store.transact(lambda tx: erasure.erase_account(identity, tx, user_id, erasure.OPERATOR))

    try:
        counts = run(work)
    except Problem as problem:
        gone = "nobody has this id, or the person is gone already"
        typer.echo(f"error: {gone if problem.status == 401 else problem.detail}", err=True)
        raise typer.Exit(1) from problem
    if as_json:
        print_json({"user_id": str(user_id), "erased": counts})
    else:
        typer.echo(f"erased {user_id}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")


@app.command()
def report_person(user_id: UserId, as_json: AsJson = False) -> None:
    """Show what each service has erased of a person, and what is left; exit code 1 while there is anything."""

    async def work(identity: Identity) -> list[Statement]:
        async with identity.other_services:
            return await proof.report(identity, user_id)

    statements = run(work)
    if as_json:
        print_json({"user_id": str(user_id), "services": [_document(one) for one in statements]})
    else:
        _print(statements)
    if any(one.left or one.problem for one in statements):
        sys.exit(1)


@app.command()
def reapply_erasures(as_json: AsJson = False) -> None:
    """After a restore: erase again whoever a database has from before, in every service."""

    async def work(identity: Identity) -> dict[str, int]:
        gone = await read_gone(identity.settings)
        counts = {"told_again": 0, "had_come_back": 0}
        for told in track(gone.erased.values(), "erasing again", console=Console(stderr=True), transient=True):
            came_back = await identity.store.transact(lambda tx, told=told: erasure.erase_again(identity, tx, told))
            counts["told_again"] += 1
            counts["had_come_back"] += came_back
        return counts

    try:
        counts = run(work)
    except KafkaError as error:
        typer.echo(f"error: Kafka cannot be read, so nobody was erased again: {error!r}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        print_json(counts)
    else:
        typer.echo(
            f"{counts['had_come_back']} of {counts['told_again']} erased people had come back here; they are gone"
        )


def _print(statements: list[Statement]) -> None:
    table = Table("service", "erased at", "erased", "left", box=None)
    for one in statements:
        left = one.problem or _counted(one.left) or "nothing"
        table.add_row(one.service, text(one.erased_at), _counted(one.erased), left)
    Console().print(table)


def _counted(counts: Any) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _document(one: Statement) -> dict[str, Any]:
    return {
        "service": one.service, "erased_at": text(one.erased_at) or None, "erased": dict(one.erased),
        "left": dict(one.left), "merged_into": str(one.merged_into) if one.merged_into else None,
        "problem": one.problem,
    }  # fmt: skip
