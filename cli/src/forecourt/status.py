"""`status`: what runs, where, and how much memory it holds."""

import json
import time
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from forecourt.console import out
from local_stack.config import Config
from local_stack.status import PartStatus, last_up
from local_stack.status import status as stack_status

_COLOURS = {"ready": "green", "not ready": "yellow", "dead": "red", "stopped": "dim"}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Show every part of the stack, its state, address and resident memory.

    Example: `./forecourt status --json`
    """
    config = Config.from_environment()
    parts, last = stack_status(config), last_up(config)
    total_mib = round(sum(part.resident_mib or 0 for part in parts), 1)
    if as_json:
        parts_json = [asdict(part) for part in parts]
        typer.echo(json.dumps({"parts": parts_json, "resident_mib": total_mib, "last_up": last}, indent=2))
        return
    out.print(_table(parts, total_mib))
    if last is not None:
        kind = "from nothing" if last["cold"] else "with data there"
        out.print(f"the last `up` started {len(last['started'])} parts {kind} in {last['seconds']} s")


def _table(parts: list[PartStatus], total_mib: float) -> Table:
    table = Table("part", "state", "pid", "port", "resident MiB", "up for", show_footer=True, box=None, padding=(0, 2))
    table.columns[0].footer, table.columns[4].footer = "total", f"{total_mib:.0f}"
    for column in table.columns[2:]:
        column.justify = "right"
    for part in parts:
        colour = _COLOURS[part.state]
        table.add_row(
            part.name,
            f"[{colour}]{part.state}[/]",
            str(part.pid or ""),
            str(part.ports[0]),
            f"{part.resident_mib:.0f}" if part.resident_mib is not None else "",
            str(timedelta(seconds=int(time.time() - part.started_at))) if part.started_at else "",
        )
    return table
