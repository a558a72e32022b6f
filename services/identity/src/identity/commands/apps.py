"""The apps that people sign in with: registered, listed, revoked."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from identity.commands.running import run, text
from identity.domain.app_register import SCOPES, RegisteredApp
from identity.domain.apps import App
from identity.use_cases import apps as use_cases
from servicekit.commands import AsJson, print_json

MAX_LISTED = 1_000

app = typer.Typer()
AppId = Annotated[str, typer.Argument(help="The app's id.")]


@app.command()
def create_app(
    client_id: AppId,
    name: Annotated[str, typer.Option(help="What people see when they sign in.")],
    redirect_uri: Annotated[list[str], typer.Option(help="Where the sign-in may lead back to; repeat for more.")],
    scope: Annotated[list[str], typer.Option(help=f"One of {', '.join(SCOPES)}; repeat for more.")],
    first_party: Annotated[
        bool, typer.Option("--first-party", help="Ours: asks for no consent, and may hand in proofs itself.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register an app that people sign in with. It has no secret: PKCE and its redirect URIs protect it."""
    asked = App(client_id, name, tuple(scope), tuple(redirect_uri), first_party)
    made = run(lambda identity: use_cases.register_app(identity, asked))
    _show(made, as_json, f"registered {client_id}")


@app.command()
def list_apps(as_json: AsJson = False) -> None:
    """Show the apps, the newest first, revoked ones too."""
    apps = run(lambda identity: use_cases.list_apps(identity, MAX_LISTED))
    if as_json:
        print_json([_document(one) for one in apps])
        return
    table = Table(Column("id", no_wrap=True), "name", "ours", "redirect URIs", "scopes", "created", "revoked", box=None)
    for one in apps:
        ours, days = "yes" if one.app.first_party else "", (text(one.created_at)[:10], text(one.revoked_at)[:10])
        table.add_row(
            one.app.client_id, one.app.name, ours, "\n".join(one.app.redirect_uris), " ".join(one.app.scopes), *days
        )
    Console().print(table)


@app.command()
def revoke_app(client_id: AppId, as_json: AsJson = False) -> None:
    """End an app for ever: whoever signed in with it is signed out within seconds."""
    revoked, ended = run(lambda identity: use_cases.revoke_app(identity, client_id))
    _show(revoked, as_json, f"revoked {client_id}; {ended} sessions ended")


def _show(registered: RegisteredApp, as_json: bool, line: str) -> None:
    if as_json:
        print_json(_document(registered))
    else:
        typer.echo(line)


def _document(one: RegisteredApp) -> dict[str, Any]:
    return {
        "client_id": one.app.client_id, "name": one.app.name, "scopes": list(one.app.scopes),
        "redirect_uris": list(one.app.redirect_uris), "first_party": one.app.first_party,
        "created_at": text(one.created_at), "revoked_at": text(one.revoked_at) or None,
    }  # fmt: skip
