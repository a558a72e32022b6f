"""`staff`: the operators' side door, by which the first owner comes."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer

from forecourt.identity import run, show
from local_stack.config import Config, StackError

app = typer.Typer(
    help="Make staff, give them roles, take them off.", no_args_is_help=True, rich_markup_mode="markdown",
    add_completion=False,
)  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]
UserId = Annotated[UUID, typer.Argument(help="The person's id, as `list` shows it.")]
Email = Annotated[str, typer.Option(help="The address that the person signs in with.")]
Roles = Annotated[
    list[str],
    typer.Option("--role", help="attendant, manager, owner, finance, agent, analyst or admin; repeat for more."),
]
Operators = Annotated[list[str] | None, typer.Option("--operator", help="Where station roles hold; repeat for more.")]
Stations = Annotated[list[UUID] | None, typer.Option("--station", help="Where station roles hold; repeat for more.")]


@app.command()
def create(
    email: Email,
    role: Roles,
    operator: Operators = None,
    station: Stations = None,
    name: Annotated[str, typer.Option(help="What colleagues call the person.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from a pipe.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Set the sign-in of that address anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a staff member who can sign in at once; the second factor's secret is shown this one time.

    Example: `./forecourt staff create --email ada@aral.example --role owner --operator aral`
    """
    arguments = _creation(email, name, role, operator or (), station or ())
    flags = [*(["--password-stdin"] if password_stdin else []), *(["--replace"] if replace else [])]
    show("create-staff", *arguments, *flags, as_json=as_json)


@app.command()
def invite(
    email: Email,
    role: Annotated[str, typer.Option(help="attendant, manager, owner, finance, agent, analyst or admin.")],
    operator: Operators = None,
    station: Stations = None,
    as_json: AsJson = False,
) -> None:
    """Make a link by which somebody joins; it is good for a week, and sent to nobody.

    Example: `./forecourt staff invite --email ada@aral.example --role owner --operator aral`
    """
    show("invite-staff", f"--email={email}", *_roles([role], operator or (), station or ()), as_json=as_json)


@app.command("list")
def list_staff(as_json: AsJson = False) -> None:
    """Show who is staff, the newest first.

    Example: `./forecourt staff list --json`
    """
    show("list-staff", as_json=as_json)


@app.command()
def set_roles(
    user_id: UserId, role: Roles, operator: Operators = None, station: Stations = None, as_json: AsJson = False
) -> None:
    """Make a person hold just these roles; tokens from before end within seconds.

    Example: `./forecourt staff set-roles 0197... --role manager --operator aral`
    """
    show("set-roles", str(user_id), *_roles(role, operator or (), station or ()), as_json=as_json)


@app.command()
def remove(user_id: UserId, as_json: AsJson = False) -> None:
    """Take all staff roles away from a person; what they are signed in to as staff ends within seconds.

    Example: `./forecourt staff remove 0197...`
    """
    show("remove-staff", str(user_id), as_json=as_json)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a staff member signs in with."""

    user_id: str
    email: str
    password: str
    totp_secret: str


def ensure_staff(
    config: Config, email: str, password: str, roles: Sequence[str], operators: Sequence[str] = (),
    stations: Sequence[UUID | str] = (), *, name: str = "",
) -> SignIn:  # fmt: skip
    """The staff member of this address, made or set anew: password, second factor, roles. StackError when that fails.

    Sessions and tokens from before end.
    """
    arguments = _creation(email, name, roles, operators, stations)
    result = run(config, "create-staff", *arguments, "--password-stdin", "--replace", "--json", given=password)
    if result.returncode != 0:
        raise StackError(f"the staff member cannot be made: {result.stderr.strip().removeprefix('error: ')}")
    made = json.loads(result.stdout)
    return SignIn(made["user_id"], made["email"], password, made["totp_secret"])


def _creation(
    email: str, name: str, roles: Iterable[str], operators: Iterable[str], stations: Iterable[UUID | str]
) -> list[str]:  # fmt: skip
    return [f"--email={email}", f"--name={name}", *_roles(roles, operators, stations)]


def _roles(roles: Iterable[str], operators: Iterable[str], stations: Iterable[UUID | str]) -> list[str]:
    given = [("--role", roles), ("--operator", operators), ("--station", map(str, stations))]
    return [f"{option}={value}" for option, values in given for value in values]
