"""The register of analysts, whose copies the service makes; `forecourt analyst` also makes their access to Kafka."""

from typing import Any

import typer

from analytics.commands.running import run
from analytics.domain.analysts import Analyst
from analytics.repository import analysts
from servicekit.commands import print_json

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(name: str) -> None:
    """Make copies for this analyst from now on."""
    print_json(_document(run(lambda analytics: analysts.add(analytics.store, name))))


@app.command()
def remove(name: str) -> None:
    """Make no more copies for this analyst. The same name gets other pseudonyms when it comes again."""
    print_json({"name": name, "removed": run(lambda analytics: analysts.remove(analytics.store, name))})


@app.command("list")
def list_analysts() -> None:
    """List whose copies are made."""
    print_json([_document(one) for one in run(lambda analytics: analysts.everyone(analytics.store))])


def _document(analyst: Analyst) -> dict[str, Any]:
    return {"name": analyst.name, "serial": analyst.serial, "created_at": analyst.created_at.isoformat()}
