"""What every command of a service does: connect, work, print; an expected error ends it with its text."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, TypeVar

import asyncpg
import typer
from pydantic import ValidationError

from servicekit.keyring import KeyRingError
from servicekit.postgres import PostgresStore
from servicekit.settings import PostgresSettings, ServiceSettings
from servicekit.store import StoreUnavailable

Result = TypeVar("Result")
Process = TypeVar("Process")
SomeStore = TypeVar("SomeStore")
SomeSettings = TypeVar("SomeSettings", bound=ServiceSettings)
SomePostgresSettings = TypeVar("SomePostgresSettings", bound=PostgresSettings)


class SchemaMissing(Exception):
    """The service's migrations did not run yet; says what to do."""


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EXPECTED = (KeyRingError, SchemaMissing, StoreUnavailable, ValidationError)
"""Errors of any service whose text is for the operator."""


def run(
    work: Callable[[Process], Awaitable[Result]], settings: type[SomePostgresSettings],
    process: Callable[[SomePostgresSettings, PostgresStore], Process], *expected: type[Exception],
) -> Result:  # fmt: skip
    """See run_on: of a service whose store is Postgres."""
    return run_on(PostgresStore.connect, work, settings, process, *expected)


def run_on(
    connect: Callable[[SomeSettings], AbstractAsyncContextManager[SomeStore]],
    work: Callable[[Process], Awaitable[Result]], settings: type[SomeSettings],
    process: Callable[[SomeSettings, SomeStore], Process], *expected: type[Exception],
) -> Result:  # fmt: skip
    """The result of the work with the service's `process`; an error that is expected ends the command with its text."""

    async def connected() -> Result:
        known = settings()  # pyright: ignore[reportCallIssue] - the environment has the rest
        async with connect(known) as store:
            try:
                return await work(process(known, store))
            except asyncpg.UndefinedTableError as error:
                raise SchemaMissing(
                    f"the schema is missing: run python -m servicekit.migrations {known.service}"
                ) from error

    try:
        return asyncio.run(connected())
    except (*EXPECTED, *expected) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


def print_json(document: object) -> None:
    """The document, for other programs."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
