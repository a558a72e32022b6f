"""`clients`: station systems' credentials, the apps that people sign in with, and the keys that sign tokens."""

import json
from collections.abc import Iterable, Sequence
from typing import Annotated
from uuid import UUID

import typer

from forecourt.identity import run, show
from local_stack.config import Config, StackError

app = typer.Typer(
    help="Make, list, rotate and revoke machine clients and apps.", no_args_is_help=True, rich_markup_mode="markdown",
    add_completion=False,
)  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]
ClientId = Annotated[UUID, typer.Argument(help="The client's id, as `list` shows it.")]
Overlap = Annotated[int, typer.Option(min=0, help="How long the old secret stays good; 0 where it leaked.")]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Unique among the clients that are not revoked.")],
    scope: Annotated[list[str], typer.Option(help="What it may do, e.g. prices:write; repeat for more.")],
    operator: Annotated[list[str] | None, typer.Option(help="An operator it acts for; repeat for more.")] = None,
    station: Annotated[list[UUID] | None, typer.Option(help="A station it acts for; repeat for more.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Set the client of that name anew if there is one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a client and show its secret, this one time.

    Example: `./forecourt clients create --name aral-pos --scope prices:write --operator aral`
    """
    flags = ["--replace"] if replace else []
    show("create-client", *_creation(name, scope, operator or (), station or ()), *flags, as_json=as_json)


@app.command("list")
def list_clients(as_json: AsJson = False) -> None:
    """Show the clients, the newest first, revoked ones too.

    Example: `./forecourt clients list --json`
    """
    show("list-clients", as_json=as_json)


@app.command()
def rotate_secret(client_id: ClientId, overlap_seconds: Overlap = 24 * 60 * 60, as_json: AsJson = False) -> None:
    """Give a client a second secret and show it, this one time; the first stays good for a while.

    Example: `./forecourt clients rotate-secret 0197... --overlap-seconds 3600`
    """
    show("rotate-secret", str(client_id), "--overlap-seconds", str(overlap_seconds), as_json=as_json)


@app.command()
def revoke(client_id: ClientId, as_json: AsJson = False) -> None:
    """End a client; the tokens it holds end within seconds.

    Example: `./forecourt clients revoke 0197...`
    """
    show("revoke-client", str(client_id), as_json=as_json)


@app.command()
def create_app(
    client_id: Annotated[str, typer.Argument(help="The app's id: small letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="What people see when they sign in.")],
    redirect_uri: Annotated[list[str], typer.Option(help="Where the sign-in may lead back to; repeat for more.")],
    scope: Annotated[list[str], typer.Option(help="What it may ask people for, e.g. account; repeat for more.")],
    first_party: Annotated[bool, typer.Option("--first-party", help="Ours: asks for no consent.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register an app that people sign in with; it has no secret.

    Example: `./forecourt clients create-app fleet --name Fleet --redirect-uri https://fleet.example/in --scope account`
    """
    given = [("--redirect-uri", redirect_uri), ("--scope", scope)]
    options = [f"{option}={value}" for option, values in given for value in values]
    flags = ["--first-party"] if first_party else []
    show("create-app", client_id, f"--name={name}", *options, *flags, as_json=as_json)


@app.command()
def list_apps(as_json: AsJson = False) -> None:
    """Show the apps that people sign in with, the newest first, revoked ones too.

    Example: `./forecourt clients list-apps`
    """
    show("list-apps", as_json=as_json)


@app.command()
def revoke_app(
    client_id: Annotated[str, typer.Argument(help="The app's id, as `list-apps` shows it.")], as_json: AsJson = False
) -> None:
    """End an app for ever; whoever signed in with it is signed out within seconds.

    Example: `./forecourt clients revoke-app fleet-board`
    """
    show("revoke-app", client_id, as_json=as_json)


@app.command()
def rotate_keys(as_json: AsJson = False) -> None:
    """Sign tokens with the next key from now on; nobody has to log in again.

    Example: `./forecourt clients rotate-keys`
    """
    show("rotate-keys", as_json=as_json)


def ensure_client(
    config: Config, name: str, scopes: Sequence[str], operators: Sequence[str], stations: Sequence[UUID | str]
) -> tuple[str, str]:
    """The id and a new secret of the client with this name, made or set as asked; StackError when that fails.

    The secret that was the newest until now stays good for a day, an older one ends.
    """
    arguments = _creation(name, scopes, operators, stations)
    result = run(config, "create-client", *arguments, "--replace", "--json")
    if result.returncode != 0:
        raise StackError(f"the client {name!r} cannot be made: {result.stderr.strip().removeprefix('error: ')}")
    client = json.loads(result.stdout)
    return client["client_id"], client["client_secret"]


def _creation(
    name: str, scopes: Iterable[str], operators: Iterable[str], stations: Iterable[UUID | str]
) -> list[str]:  # fmt: skip
    given = [("--scope", scopes), ("--operator", operators), ("--station", map(str, stations))]
    return [f"--name={name}", *(f"{option}={value}" for option, values in given for value in values)]
