"""What every command does: connect, work, print; an expected error ends it with its text."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import asyncpg
import typer
from pydantic import ValidationError

from payments.settings import Settings
from payments.use_cases.context import Payments
from servicekit.keyring import KeyRingError
from servicekit.postgres import PostgresStore
from servicekit.problems import Problem
from servicekit.store import StoreUnavailable

Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EXPECTED = (KeyRingError, Problem, StoreUnavailable, ValidationError)
"""Errors whose text is for the operator."""


def run(work: Callable[[Payments], Awaitable[Result]]) -> Result:
    """The result of the work; an expected error ends the command with its text."""

    async def connected() -> Result:
        settings = Settings()  # pyright: ignore[reportCallIssue] - the environment has the rest
        async with PostgresStore.connect(settings) as store:
            return await work(Payments(settings, store))

    try:
        return asyncio.run(connected())
    except asyncpg.UndefinedTableError:
        typer.echo("error: the schema is missing: run python -m servicekit.migrations payments", err=True)
        sys.exit(1)
    except EXPECTED as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


def print_json(document: object) -> None:
    """The document, for other programs."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
