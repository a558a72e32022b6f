"""What every command does: connect, work, print; an expected error ends it with its text."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import asyncpg
import typer
from pydantic import ValidationError

from identity.domain.app_register import AppError
from identity.domain.audit import Broken
from identity.domain.clients import ClientError
from identity.domain.otp import UnknownPrefix
from identity.domain.passwords import BadEmail, WeakPassword
from identity.domain.signing_keys import TooEarly
from identity.domain.staff import StaffError
from identity.settings import Settings
from identity.use_cases.context import Identity
from servicekit.keyring import KeyRingError
from servicekit.postgres import PostgresStore
from servicekit.store import StoreUnavailable

Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EXPECTED = (
    AppError, ClientError, StaffError, BadEmail, WeakPassword, TooEarly, Broken, KeyRingError, StoreUnavailable,
    UnknownPrefix, ValidationError,
)  # fmt: skip
"""Errors whose text is for the operator."""


def run(work: Callable[[Identity], Awaitable[Result]]) -> Result:
    """The result of the work; an expected error ends the command with its text."""

    async def connected() -> Result:
        settings = Settings()  # pyright: ignore[reportCallIssue] - the environment has the rest
        async with PostgresStore.connect(settings) as store:
            return await work(Identity(settings, store))

    try:
        return asyncio.run(connected())
    except asyncpg.UndefinedTableError:
        typer.echo("error: the schema is missing: run python -m servicekit.migrations identity", err=True)
        sys.exit(1)
    except EXPECTED as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


def text(moment: datetime | None) -> str:
    """A time as people and programs read it; nothing for none."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""


def print_json(document: object) -> None:
    """The document, for other programs."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
