"""Commands for operators, run with the service's environment: `python -m identity.commands --help`."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

import asyncpg
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table

from identity.domain.clients import SCOPES, Client, ClientError, ClientSpec
from identity.domain.signing_keys import SigningKey, TooEarly
from identity.settings import Settings
from identity.use_cases import clients as use_cases
from identity.use_cases import keys
from identity.use_cases.context import Identity
from servicekit.keyring import KeyRingError
from servicekit.postgres import PostgresStore
from servicekit.store import StoreUnavailable

MAX_LISTED = 1_000
DAY_SECONDS = 24 * 60 * 60

app = typer.Typer(help="Manage machine clients and signing keys.", no_args_is_help=True, add_completion=False)
Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Overlap = Annotated[
    int, typer.Option(min=0, max=30 * DAY_SECONDS, help="How long the old secret stays good; 0 where it leaked.")
]
ClientId = Annotated[UUID, typer.Argument(help="The client's id.")]


@app.command()
def create_client(
    name: Annotated[str, typer.Option(help="Unique among the clients that are not revoked.")],
    scope: Annotated[list[str], typer.Option(help=f"One of {', '.join(SCOPES)}; repeat for more.")],
    operator: Annotated[list[str] | None, typer.Option(help="An operator it acts for; repeat for more.")] = None,
    station: Annotated[list[UUID] | None, typer.Option(help="A station it acts for; repeat for more.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Set the client of that name anew if there is one.")
    ] = False,
    overlap_seconds: Overlap = DAY_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Make a client and show its secret, this one time."""

    async def work(identity: Identity) -> use_cases.NewSecret:
        spec = ClientSpec(name, tuple(scope), tuple(operator or ()), tuple(station or ()))
        return await use_cases.create_client(
            identity.store, spec, replace_existing=replace, overlap=timedelta(seconds=overlap_seconds)
        )

    _print_secret(_run(work), as_json)


@app.command()
def list_clients(as_json: AsJson = False) -> None:
    """Show the clients, the newest first, revoked ones too."""
    clients = _run(lambda identity: use_cases.list_clients(identity.store, MAX_LISTED))
    if as_json:
        _print_json([_document(client) for client in clients])
        return
    table = Table(Column("id", no_wrap=True), "name", "scopes", "operators", "stations", "created", "revoked", box=None)
    for client in clients:
        spec = client.spec
        bindings = ", ".join(spec.operators), str(len(spec.stations))
        days = _text(client.created_at)[:10], _text(client.revoked_at)[:10]
        table.add_row(str(client.id), spec.name, " ".join(spec.scopes), *bindings, *days)
    Console().print(table)


@app.command()
def rotate_secret(client_id: ClientId, overlap_seconds: Overlap = DAY_SECONDS, as_json: AsJson = False) -> None:
    """Give a client a second secret and show it, this one time; the first stays good for a while."""
    overlap = timedelta(seconds=overlap_seconds)
    _print_secret(_run(lambda identity: use_cases.rotate_secret(identity.store, client_id, overlap)), as_json)


@app.command()
def revoke_client(client_id: ClientId, as_json: AsJson = False) -> None:
    """End a client; the tokens it holds run out within minutes."""
    client = _run(lambda identity: use_cases.revoke_client(identity.store, client_id))
    if as_json:
        _print_json(_document(client))
    else:
        typer.echo(f"revoked {client.id} ({client.spec.name})")


@app.command()
def rotate_keys(as_json: AsJson = False) -> None:
    """Sign with the next key from now on, without waiting for the active one to be due."""
    made = _run(lambda identity: keys.advance_keys(identity, rotate=True))
    if as_json:
        _print_json([_key_document(key) for key in made])
    else:
        for key in made:
            typer.echo("  ".join(f"{name} {value}" for name, value in _key_document(key).items() if value))


def _run(work: Callable[[Identity], Awaitable[Result]]) -> Result:
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
    except (ClientError, TooEarly, KeyRingError, StoreUnavailable, ValidationError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


def _print_secret(created: use_cases.NewSecret, as_json: bool) -> None:
    document = _document(created.client) | {"client_secret": created.secret}
    if as_json:
        _print_json(document)
        return
    for name in ("client_id", "client_secret"):
        typer.echo(f"{name:<14} {document[name]}")
    typer.echo("The secret is shown this one time; only its hash is kept.", err=True)


def _document(client: Client) -> dict[str, Any]:
    spec = client.spec
    return {
        "client_id": str(client.id), "name": spec.name, "scopes": list(spec.scopes),
        "operators": list(spec.operators), "stations": [str(station) for station in spec.stations],
        "created_at": _text(client.created_at), "revoked_at": _text(client.revoked_at) or None,
    }  # fmt: skip


def _key_document(key: SigningKey) -> dict[str, Any]:
    times = {name: _text(getattr(key, name)) or None for name in ("published_at", "activated_at", "retired_at")}
    return {"kid": str(key.kid)} | times


def _text(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    app()
