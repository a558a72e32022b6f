"""What is known of a person: erased on request, erased again after a restore, and the proof of it."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from identity.commands.running import run, text
from identity.providers.people_topic import read_gone
from identity.use_cases import erasure, erasure_proof, merging
from identity.use_cases.context import Identity
from identity.use_cases.erasure_proof import Statement
from schemas.events import UserErasedV1, UserMergedV1
from servicekit.commands import AsJson, print_json
from servicekit.problems import Problem

app = typer.Typer()
Told = TypeVar("Told", UserErasedV1, UserMergedV1)
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
            return await erasure_proof.report(identity, user_id)

    statements = run(work)
    if as_json:
        print_json({"user_id": str(user_id), "services": [_document(one) for one in statements]})
    else:
        _print(statements)
    if any(one.left or one.problem for one in statements):
        sys.exit(1)


@app.command()
def reapply_erasures(as_json: AsJson = False) -> None:
    """After a restore: erase again, and merge again, whoever a database has from before, in every service."""
    try:
        done = run(_reapply)
    except KafkaError as error:
        typer.echo(f"error: Kafka cannot be read, so nothing was done again: {error!r}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(f"of {done.erased} erased people {done.had_come_back} had come back here: gone again")
    typer.echo(f"of {done.merged} merged accounts {done.were_apart} were apart here: merged again")
    for user_id in done.without_survivor:
        typer.echo(f"{user_id} stays as it is: the account it was merged into is newer than this backup", err=True)


@dataclass(slots=True)
class _Done:
    """What was done again after a restore."""

    erased: int = 0
    had_come_back: int = 0
    merged: int = 0
    were_apart: int = 0
    without_survivor: list[str] = field(default_factory=list)


async def _reapply(identity: Identity) -> _Done:
    gone, done, store = await read_gone(identity.settings), _Done(), identity.store
    for merge in _shown(gone.merged, "merging again"):
        try:
            done.were_apart += await store.transact(lambda tx, it=merge: merging.merge_again(identity, tx, it))
        except LookupError:
            done.without_survivor.append(str(merge.user_id))
        done.merged += 1
    for erased in _shown(gone.erased, "erasing again"):
        done.had_come_back += await store.transact(lambda tx, it=erased: erasure.erase_again(identity, tx, it))
        done.erased += 1
    return done


def _shown(events: Mapping[UUID, Told], what: str) -> Iterable[Told]:
    """The events, with a progress bar."""
    return track(list(events.values()), what, console=Console(stderr=True), transient=True)


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
