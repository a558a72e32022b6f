"""A view made anew from its topics."""

from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from msgspec import to_builtins
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table

from analytics.commands.running import run
from analytics.domain.catalogue import VIEW_BY_NAME
from analytics.repository.generations import GenerationLost
from analytics.use_cases.comparing import Comparison
from analytics.use_cases.rebuilding import RebuildUnderWay, Rebuilt, TopicsCut, Wishes, WorkersBehind, rebuild
from servicekit.commands import AsJson, print_json
from servicekit.interpreter import tune_interpreter

EXPECTED = (GenerationLost, RebuildUnderWay, TopicsCut, WorkersBehind, KafkaError)


def rebuild_view(
    name: str,
    compare: Annotated[bool, typer.Option(help="Say what differs; the new view serves if nothing does.")] = False,
    swap: Annotated[bool, typer.Option(help="With --compare: it serves whatever differs.")] = False,
    from_scratch: Annotated[bool, typer.Option(help="Take nothing over from the old view.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a view anew from its topics; code 1 if it was compared and differs.

    Documents about times that the topics no longer have are taken over as they are. So --compare compares them with
    themselves, and what a corrected fold would change in them stays as it was.
    """
    view = VIEW_BY_NAME.get(name)
    if view is None:
        typer.echo(f"error: there is no view {name}; there are {', '.join(VIEW_BY_NAME)}", err=True)
        raise typer.Exit(1)
    tune_interpreter()
    wishes = Wishes(compare=compare, swap_anyway=swap, from_scratch=from_scratch)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=None)

        def tell(what: str, done: int, of: int | None) -> None:
            progress.update(task, description=what, completed=done, total=of)

        found = run(lambda analytics: rebuild(analytics, view, wishes, tell), *EXPECTED)
    print_json(to_builtins(found) | {"notes": notes_of(found)}) if as_json else _print(found)
    if found.comparison is not None and found.comparison.differences:
        raise typer.Exit(1)


def notes_of(found: Rebuilt) -> list[str]:
    """What is to be known of what was done, in words."""
    notes: list[str] = []
    if found.taken_over:
        notes.append(
            f"{found.taken_over:,} of {found.documents:,} documents are about times that the topics no longer have: "
            "taken over, so what a corrected fold would change in them stays, and they are compared with themselves"
        )
    if found.unread:
        notes.append(f"{found.unread:,} records could not be read: see ./forecourt dead-letters list analytics")
    return notes


def _print(found: Rebuilt) -> None:
    typer.echo(f"{found.view}: {found.documents:,} documents from {found.records:,} records in {found.seconds:.1f} s")
    for note in notes_of(found):
        typer.echo(note)
    if found.comparison is not None:
        _print_comparison(found.comparison)
    typer.echo("the new one serves" if found.serves else "the old one serves on, the new one is gone")


def _print_comparison(comparison: Comparison) -> None:
    if comparison.examples:
        table = Table(*(Column(one, overflow="fold") for one in ("document", "field", "old", "new")), box=None)
        for example in comparison.examples:
            table.add_row(example.key, example.field or "all of it", example.old, example.new)
        Console().print(table)
    typer.echo(f"{comparison.documents:,} documents compared: {comparison.differences:,} differences")
