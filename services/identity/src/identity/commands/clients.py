"""Machine clients: made, shown, given new secrets, revoked."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from identity.commands.running import run, text
from identity.domain.clients import SCOPES, Client, ClientSpec
from identity.use_cases import clients as use_cases
from identity.use_cases.context import Identity
from servicekit.commands import AsJson, print_json

MAX_LISTED = 1_000
DAY_SECONDS = 24 * 60 * 60

app = typer.Typer()
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
            identity, spec, replace_existing=replace, overlap=timedelta(seconds=overlap_seconds)
        )

    _print_secret(run(work), as_json)


@app.command()
def list_clients(as_json: AsJson = False) -> None:
    """Show the clients, the newest first, revoked ones too."""
    clients = run(lambda identity: use_cases.list_clients(identity.store, MAX_LISTED))
    if as_json:
        print_json([_document(client) for client in clients])
        return
    table = Table(Column("id", no_wrap=True), "name", "scopes", "operators", "stations", "created", "revoked", box=None)
    for client in clients:
        spec = client.spec
        bindings = ", ".join(spec.operators), str(len(spec.stations))
        days = text(client.created_at)[:10], text(client.revoked_at)[:10]
        table.add_row(str(client.id), spec.name, " ".join(spec.scopes), *bindings, *days)
    Console().print(table)


@app.command()
def rotate_secret(client_id: ClientId, overlap_seconds: Overlap = DAY_SECONDS, as_json: AsJson = False) -> None:
    """Give a client a second secret and show it, this one time; the first stays good for a while."""
    overlap = timedelta(seconds=overlap_seconds)
    _print_secret(run(lambda identity: use_cases.rotate_secret(identity, client_id, overlap)), as_json)


@app.command()
def revoke_client(client_id: ClientId, as_json: AsJson = False) -> None:
    """End a client; the tokens it holds end within seconds."""
    client = run(lambda identity: use_cases.revoke_client(identity, client_id))
    if as_json:
        print_json(_document(client))
    else:
        typer.echo(f"revoked {client.id} ({client.spec.name})")


def _print_secret(created: use_cases.NewSecret, as_json: bool) -> None:
    document = _document(created.client) | {"client_secret": created.secret}
    if as_json:
        print_json(document)
        return
    for name in ("client_id", "client_secret"):
        typer.echo(f"{name:<14} {document[name]}")
    typer.echo("The secret is shown this one time; only its hash is kept.", err=True)


def _document(client: Client) -> dict[str, Any]:
    spec = client.spec
    return {
        "client_id": str(client.id), "name": spec.name, "scopes": list(spec.scopes),
        "operators": list(spec.operators), "stations": [str(station) for station in spec.stations],
        "created_at": text(client.created_at), "revoked_at": text(client.revoked_at) or None,
    }  # fmt: skip
