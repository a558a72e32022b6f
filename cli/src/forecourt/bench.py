"""`bench`: how fast the running platform is, each figure beside a floor measured in the same run."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import import_module
from typing import Annotated, Any

import typer
import uvloop
from aiokafka.errors import KafkaError
from rich.table import Table

from feeds.platform import PlatformError
from forecourt.console import errors, out
from local_stack.config import Config, StackError


class Bench(StrEnum):
    """What can be measured."""

    INGEST = "ingest"
    LATENCY = "latency"
    NEARBY = "nearby"
    GATEWAY = "gateway"
    STREAM = "stream"
    HISTORY = "history"
    IDENTITY = "identity"
    LEDGER = "ledger"
    PAY = "pay"
    LOYALTY = "loyalty"
    VIEWS = "views"


@dataclass(frozen=True)
class Figure:
    """One measured figure, its floor of the same run, their ratio, and the bound it should keep."""

    bench: str
    figure: str
    value: float
    unit: str
    floor: float | None
    ratio: float | None
    wanted: str
    kept: bool | None


MEASURES = {
    Bench.INGEST: "forecourt.bench_ingest:measure_ingest",
    Bench.LATENCY: "forecourt.bench_latency:measure_latency",
    Bench.NEARBY: "forecourt.bench_nearby:measure_nearby",
    Bench.GATEWAY: "forecourt.bench_gateway:measure_gateway",
    Bench.STREAM: "forecourt.bench_stream:measure_stream",
    Bench.HISTORY: "forecourt.bench_history:measure_history",
    Bench.IDENTITY: "forecourt.bench_identity:measure_identity",
    Bench.LEDGER: "forecourt.bench_ledger:measure_ledger",
    Bench.PAY: "forecourt.bench_pay:measure_pay",
    Bench.LOYALTY: "forecourt.bench_loyalty:measure_loyalty",
    Bench.VIEWS: "forecourt.bench_views:measure_views",
}
"""Imported when it is used, as commands are."""

Measure = Callable[[Config], Coroutine[Any, Any, list[dict[str, Any]]]]
"""`await measure(config)`: the figures, each the fields of a Figure but the first."""


def bench(
    what: Annotated[list[Bench] | None, typer.Argument(help="Which; all by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Measure the running platform; durability stays on. Exit code 1 if a bound is not kept.

    Example: `./forecourt bench ingest latency`
    """
    config = Config.from_environment()
    figures: list[Figure] = []
    for one in what or list(Bench):
        errors.print(f"[dim]measuring {one.value} ...[/]")
        try:
            measured = uvloop.run(_measure(one)(config))
        except (PlatformError, KafkaError, OSError) as error:
            raise StackError(f"{error}: is the platform up? `./forecourt status`") from error
        figures += [Figure(one.value, **figure) for figure in measured]
    out.print_json(json.dumps([asdict(figure) for figure in figures])) if as_json else out.print(_table(figures))
    if any(figure.kept is False for figure in figures):
        raise typer.Exit(1)


def _measure(what: Bench) -> Measure:
    module, name = MEASURES[what].split(":")
    return getattr(import_module(module), name)


def _table(figures: list[Figure]) -> Table:
    table = Table("bench", "figure", "value", "floor", "ratio", "wanted")
    for figure in figures:
        colour = {True: "green", False: "bold red", None: "default"}[figure.kept]
        table.add_row(
            figure.bench, figure.figure, f"[{colour}]{figure.value:,.1f} {figure.unit}[/]",
            f"{figure.floor:,.1f} {figure.unit}" if figure.floor is not None else "",
            f"{figure.ratio:.2f}" if figure.ratio is not None else "", figure.wanted,
        )  # fmt: skip
    return table
