"""Staff: made, listed, given roles, taken off."""

import sys
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from identity.commands.running import run, text
from identity.domain.people import StaffRole
from identity.use_cases import staff_commands as use_cases
from identity.use_cases.context import Identity
from identity.use_cases.invitations import NewInvitation, invite
from identity.use_cases.staff import StaffMember, shown
from servicekit.access import STATION_ROLES, Role
from servicekit.commands import AsJson, print_json

MAX_LISTED = 1_000
MAX_PASSWORD_BYTES = 4_096

app = typer.Typer()
Roles = Annotated[list[Role], typer.Option("--role", help="A role; repeat for more.")]
Operators = Annotated[
    list[str] | None, typer.Option("--operator", help="An operator that station roles hold at; repeat for more.")
]
Stations = Annotated[
    list[UUID] | None, typer.Option("--station", help="A station that station roles hold at; repeat for more.")
]
UserId = Annotated[UUID, typer.Argument(help="The person's id, as list-staff shows it.")]


def roles_from(roles: list[Role] | None, operators: list[str] | None, stations: list[UUID] | None) -> list[StaffRole]:
    """The roles, those of stations bound to all that is given; platform roles are bound to nothing."""
    bound = tuple(operators or ()), tuple(stations or ())
    return [StaffRole(role, *(bound if role in STATION_ROLES else ((), ()))) for role in roles or ()]


@app.command()
def create_staff(
    email: Annotated[str, typer.Option(help="The address that the person signs in with.")],
    role: Roles,
    operator: Operators = None,
    station: Stations = None,
    name: Annotated[str, typer.Option(help="What colleagues call the person.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, not from the terminal.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Where the address is somebody's, set that person's sign-in anew.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a staff member who can sign in at once, and show the secret for the authenticator app, this one time."""
    password = _password(from_stdin=password_stdin)
    roles = roles_from(role, operator, station)

    async def work(identity: Identity) -> use_cases.NewStaff:
        return await use_cases.make_staff(
            identity, email, password, name or email.partition("@")[0], roles, replace_existing=replace
        )

    made = run(work)
    document = {
        "user_id": str(made.user_id), "email": made.email, "roles": shown(made.roles),
        "totp_secret": made.enrolment.secret, "otpauth_uri": made.enrolment.uri, "recovery_codes": made.recovery_codes,
    }  # fmt: skip
    if as_json:
        print_json(document)
        return
    for field in ("user_id", "totp_secret", "otpauth_uri"):
        typer.echo(f"{field:<15} {document[field]}")
    typer.echo(f"{'recovery_codes':<15} {' '.join(made.recovery_codes)}")
    typer.echo("The secret and the codes are shown this one time.", err=True)


@app.command()
def invite_staff(
    email: Annotated[str, typer.Option(help="The address that the person will sign in with.")],
    role: Annotated[Role, typer.Option(help="The role that the person is invited to.")],
    operator: Operators = None,
    station: Stations = None,
    as_json: AsJson = False,
) -> None:
    """Make a link by which somebody joins, and show it, this one time. It is sent to nobody: give it to the person."""
    [asked] = roles_from([role], operator, station)

    async def work(identity: Identity) -> tuple[NewInvitation, str]:
        made = await invite(identity, None, email, asked)
        return made, f"{identity.settings.invitation_page}#{made.token}"

    made, link = run(work)
    expires_at = text(made.invitation.expires_at)
    if as_json:
        print_json({
            "invitation_id": str(made.invitation.id), "email": made.email, "token": made.token, "link": link,
            "expires_at": expires_at,
        })  # fmt: skip
    else:
        typer.echo(f"{link}\nGood until {expires_at}.")


@app.command()
def list_staff(as_json: AsJson = False) -> None:
    """Show who is staff, the newest first."""
    members = run(lambda identity: use_cases.list_all(identity, MAX_LISTED))
    if as_json:
        print_json([_document(member) for member in members])
        return
    table = Table(Column("id", no_wrap=True), "e-mail", "name", "roles", box=None)
    for member in members:
        table.add_row(str(member.user_id), member.email, member.name, "; ".join(map(_line, member.roles)))
    Console().print(table)


@app.command()
def set_roles(
    user_id: UserId, role: Roles, operator: Operators = None, station: Stations = None, as_json: AsJson = False
) -> None:
    """Make a person hold just these roles; the tokens from before end within seconds."""
    roles = roles_from(role, operator, station)
    after = run(lambda identity: use_cases.set_roles_of(identity, user_id, roles))
    _show(user_id, after, as_json)


@app.command()
def remove_staff(user_id: UserId, as_json: AsJson = False) -> None:
    """Take all staff roles away from a person; the tokens and sessions of staff end within seconds."""
    after = run(lambda identity: use_cases.set_roles_of(identity, user_id, ()))
    _show(user_id, after, as_json)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.read(MAX_PASSWORD_BYTES).rstrip("\r\n")
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True)


def _show(user_id: UUID, roles: tuple[StaffRole, ...], as_json: bool) -> None:
    if as_json:
        print_json({"user_id": str(user_id), "roles": shown(roles)})
    else:
        typer.echo(f"{user_id} is now {'; '.join(map(_line, roles)) or 'no longer staff'}")


def _document(member: StaffMember) -> dict[str, Any]:
    return {
        "user_id": str(member.user_id), "email": member.email, "name": member.name, "roles": shown(member.roles)
    }  # fmt: skip


def _line(role: StaffRole) -> str:
    places = [*role.operators, *(str(station) for station in role.stations)]
    return f"{role.role} at {', '.join(places)}" if places else str(role.role)
