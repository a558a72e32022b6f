"""`replay`: a feed's files played through the whole platform, every change accounted for."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any

import typer
import uvloop
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from feeds import FEEDS
from feeds.account import Phase, ReplayReport
from feeds.base import Feed, FeedError
from feeds.importing import ImportReport, import_stations
from feeds.platform import PlatformClient, PlatformError, connected
from feeds.replay import Replay
from feeds.sending import HttpSender, kafka_sender
from feeds.watching import EventWatch
from forecourt.clients import ensure_client
from forecourt.console import errors, out
from local_stack.config import Config, StackError
from local_stack.environment import kafka_credentials
from schemas.catalogue import OBSERVER, STATION_SYSTEMS

SHOWN_ROW_PROBLEMS = 10
FROM_THE_FILE = (
    "rows", "changes", "unreadable", "unmapped", "unmapped_because", "second_price", "not_sold", "assumed",
    "station_not_in_list", "station_refused",
)  # fmt: skip
"""What a replay counts before it sends anything; see ReplayReport."""

NOT_IN_THE_TABLE = {"feed", "via", "stations", "problems", "unmapped_because"}
PHASES: dict[Phase, str] = {
    "send": "changes decided on", "publish": "events on Kafka", "show": "prices at stations",
}  # fmt: skip


class Via(StrEnum):
    """How the station system hands its reports over."""

    HTTP = "http"
    KAFKA = "kafka"


def replay(
    stations: Annotated[Path | None, typer.Option(help="The feed's station list, plain, gzip or zip.")] = None,
    prices: Annotated[Path | None, typer.Option(help="The feed's prices, plain, gzip or zip.")] = None,
    file: Annotated[Path | None, typer.Option(help="Where a feed has stations and prices in one file: that.")] = None,
    feed: Annotated[str, typer.Option(help=f"Which feed's files these are: {', '.join(FEEDS)}.")] = "tankerkoenig",
    speed: Annotated[str, typer.Option(help="`max`, or how many times faster than it happened, e.g. 60.")] = "max",
    via: Annotated[Via, typer.Option(help="Through the public API, or onto the topic pricing.reports.")] = Via.HTTP,
    as_json: Annotated[bool, typer.Option("--json", help="The account as one JSON object.")] = False,
) -> None:
    """Import a feed's stations, replay its price changes and account for every one of them.

    Exit code 1 if a change was lost or a station shows a wrong price in the end. `./forecourt feeds` lists the feeds.

    Example: `./forecourt replay --feed tankerkoenig --stations stations.csv.gz --prices prices.csv.gz`
    """
    if feed not in FEEDS:
        raise StackError(f"there is no feed {feed!r}: choose one of {', '.join(FEEDS)}")
    files, pace = _files(FEEDS[feed], stations or file, prices or file), _speed(FEEDS[feed], speed)
    account = run_replay(Config.from_environment(), FEEDS[feed], *files, pace, via)
    out.print_json(json.dumps(account)) if as_json else print_account(account)
    if account["lost"] or account["mismatched"]:
        raise typer.Exit(1)


def _files(feed: Feed, stations: Path | None, prices: Path | None) -> tuple[Path, Path]:
    """The station list and the prices; of a feed that has both in one file, either stands for both."""
    if feed.one_file:
        stations, prices = stations or prices, prices or stations
    if stations is None or prices is None:
        raise StackError(f"{feed.name} needs {'--file' if feed.one_file else '--stations and --prices'}: {feed.shape}")
    return stations, prices


def run_replay(
    config: Config, feed: Feed, stations: Path, prices: Path, speed: float | None, via: Via
) -> dict[str, Any]:
    """Runs a replay with progress bars and returns its account. Raises StackError for what a person can mend."""
    try:
        return uvloop.run(_run(config, feed, stations, prices, speed, via))
    except* (FeedError, PlatformError) as group:
        raise StackError("; ".join(str(error) for error in _leaves(group))) from None
    except* (KafkaError, OSError) as group:
        raise StackError(f"{group.exceptions[0]!r}: is the platform up? `./forecourt status`") from None


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for error in group.exceptions:
        yield from _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]


async def _run(
    config: Config, feed: Feed, stations: Path, prices: Path, speed: float | None, via: Via
) -> dict[str, Any]:
    credentials = await asyncio.to_thread(
        ensure_client, config, f"replay-{feed.name}", ["prices:write", "stations:write"], [feed.name], []
    )
    with _progress() as progress:
        async with connected(config.gateway_url, credentials) as client, _sender(config, client, via) as sender:
            bar = progress.add_task("stations imported", total=None)
            imported = await import_stations(client, feed, stations, lambda rows: progress.advance(bar, rows))
            progress.update(bar, total=imported.rows)
            watch = EventWatch(kafka_credentials(config, OBSERVER))
            run = Replay(client, sender, watch, imported, _bars(progress))
            report = await run.run(feed, prices, speed)
    return account_of(feed, via, imported, report)


@asynccontextmanager
async def _sender(config: Config, client: PlatformClient, via: Via):
    if via is Via.HTTP:
        yield HttpSender(client)
        return
    async with kafka_sender(client, kafka_credentials(config, STATION_SYSTEMS)) as sender:
        yield sender


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on standard error, so that standard output stays the result's."""
    columns = (TextColumn("{task.description:>20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield progress


def _bars(progress: Progress):
    bars: dict[Phase, TaskID] = {}

    def advance(phase: Phase, count: int, total: int | None = None) -> None:
        if phase not in bars:
            bars[phase] = progress.add_task(PHASES[phase], total=None)
        progress.update(bars[phase], advance=count, total=total)

    return advance


def _speed(feed: Feed, text: str) -> float | None:
    if text == "max":
        return None
    if not feed.has_pace:
        raise StackError(f"{feed.name} is a list of what holds now, which has no pace: leave out --speed")
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise StackError(f"--speed is {text!r}: give `max` or a positive number such as 60")
    return speed


def account_of(feed: Feed, via: Via, imported: ImportReport, report: ReplayReport) -> dict[str, Any]:
    """The account as plain data; `lost` and `mismatched` are what matters."""
    counts = vars(report)
    rate = report.sent / report.send_seconds if report.send_seconds else 0.0
    return {
        "feed": feed.name,
        "via": via.value,
        "stations": {
            "rows": imported.rows, **imported.verdicts, "reasons": imported.reasons, "assumed": imported.assumed,
            "problems": [
                {"line": line, "external_id": external_id, "reason": reason}
                for line, external_id, reason in imported.problems
            ],
        },
        **{name: counts[name] for name in FROM_THE_FILE},
        "problems": [
            {"line": problem.line, "reason": problem.reason, "text": problem.text} for problem in report.problems
        ],
        "sent": report.sent,
        **{verdict: report.verdicts[verdict] for verdict in ("accepted", "unchanged", "superseded", "rejected")},
        "rejected_by_reason": report.reasons,
        "rules": report.rules,
        "repeated": report.repeated,
        "published": report.published,
        "published_twice": report.published_twice,
        "rejections_published": report.rejections_published,
        "visible": report.visible,
        "overtaken": report.overtaken,
        "lost": report.lost,
        "mismatched": report.mismatched,
        "submit_to_visible_ms": _latency(report.probes),
        "seconds": round(report.seconds, 2),
        "changes_per_second": round(rate),
    }  # fmt: skip


def _latency(seconds: list[float]) -> dict[str, float | int | None]:
    """Median and 99th percentile of the probes."""
    if len(seconds) < 2:
        return {"p50": None, "p99": None, "probes": len(seconds)}
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(cuts[49] * 1000, 1), "p99": round(cuts[98] * 1000, 1), "probes": len(seconds)}


def print_account(account: dict[str, Any]) -> None:
    """The account as tables for people."""
    stations = account["stations"]
    _print_problems("station list", stations["problems"])
    _print_problems("prices", account["problems"])
    for grade, reason in account["unmapped_because"].items():
        errors.print(f"{account['unmapped'][grade]:,} prices left out: {reason}", markup=False, style="yellow")
    table = Table(title=f"Replay of {account['feed']} by {account['via']}", show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    counted = {"stations": {k: v for k, v in stations.items() if k not in {"problems", "reasons", "assumed"}}} | {
        name: value for name, value in account.items() if name not in NOT_IN_THE_TABLE
    }
    for name, value in counted.items():
        shown = "  ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else f"{value:,}"
        alarming = name in {"lost", "mismatched", "published_twice"} and value
        table.add_row(name.replace("_", " "), f"[bold red]{shown}[/]" if alarming else shown or "none")
    out.print(table)


def _print_problems(where: str, problems: list[dict[str, Any]]) -> None:
    for problem in problems[:SHOWN_ROW_PROBLEMS]:
        errors.print(f"{where}, line {problem['line']}: {problem['reason']}", markup=False, style="yellow")
    if (more := len(problems) - SHOWN_ROW_PROBLEMS) > 0:
        errors.print(f"[yellow]and {more} more rows; --json lists them[/]")
