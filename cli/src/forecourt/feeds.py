"""`feeds`: which public price feeds can be replayed, and made-up files in their shapes."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from feeds import FEEDS
from feeds.base import Feed
from feeds.samples import SMALLEST, Sample, write_sample
from forecourt.console import errors, out
from local_stack.config import StackError

MAX_STATIONS = 200_000

app = typer.Typer(
    help="List the public price feeds that can be replayed, or write a sample of one.", rich_markup_mode="markdown",
    add_completion=False,
)  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]


@app.callback(invoke_without_command=True)
def list_feeds(context: typer.Context, as_json: AsJson = False) -> None:
    """List the public price feeds that can be replayed, or write a sample of one.

    Example: `./forecourt feeds --json`
    """
    if context.invoked_subcommand is not None:
        return
    if as_json:
        out.print_json(json.dumps([_about(feed) for feed in FEEDS.values()]))
        return
    table = Table("feed", "country", "what", "files", "licence")
    for feed in FEEDS.values():
        table.add_row(feed.name, feed.country, feed.description, feed.shape, feed.licence)
    out.print(table)
    out.print("Files of your own: `./forecourt replay --help`. Made-up ones: `./forecourt feeds sample --help`.")


def _about(feed: Feed) -> dict[str, Any]:
    return {
        "name": feed.name, "country": feed.country, "description": feed.description, "shape": feed.shape,
        "one_file": feed.one_file, "licence": feed.licence,
    }  # fmt: skip


@app.command()
def sample(
    feed: Annotated[str, typer.Option(help=f"Which feed: {', '.join(FEEDS)}.")],
    folder: Annotated[Path, typer.Option("--out", help="The folder for the files.")],
    stations: Annotated[int, typer.Option(min=SMALLEST, max=MAX_STATIONS, help="How many stations.")] = 300,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Write made-up files in the shape of a feed, every trap of it included, and say how to replay them.

    Example: `./forecourt feeds sample --feed italy --out samples`
    """
    if feed not in FEEDS:
        raise StackError(f"there is no feed {feed!r}: choose one of {', '.join(FEEDS)}")
    try:
        samples = write_sample(feed, folder, stations, seed)
    except OSError as error:
        raise StackError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from error
    if as_json:
        out.print_json(json.dumps([{"replay": _replay(feed, one), "holds": one.holds} for one in samples]))
        return
    for one in samples:
        errors.print(f"[dim]holds {', '.join(f'{count:,} {name}' for name, count in one.holds.items() if count)}[/]")
        out.print(_replay(feed, one), soft_wrap=True, markup=False)


def _replay(feed: str, one: Sample) -> str:
    """The command line that replays a sample."""
    return shlex.join(["./forecourt", "replay", "--feed", feed, *one.arguments()])
