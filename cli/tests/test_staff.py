"""`staff`, run as a person runs it, on the real database."""

import json
from collections.abc import Callable
from uuid import uuid4

import pytest
import typer

from forecourt.identity import run
from forecourt.staff import app, ensure_staff
from local_stack.config import Config, StackError

from .conftest import Run

PASSWORD = "seven green pumps at noon"
CANARY = "nobody@canary-forecourt.example"


@pytest.fixture
def staff(commands: Callable[[typer.Typer], Run]) -> Run:
    """Runs `staff` with these arguments."""
    return commands(app)


def address() -> str:
    """An e-mail address that nobody has."""
    return f"{uuid4().hex}@canary-forecourt.example"


def test_staff_are_made_listed_changed_and_removed(config: Config, staff: Run) -> None:
    made = ensure_staff(config, address(), PASSWORD, ["owner", "admin"], ["aral"], name="canary-ada")
    [listed] = [one for one in json.loads(staff("list", "--json").out) if one["user_id"] == made.user_id]
    assert (listed["email"], listed["name"]) == (made.email, "canary-ada")
    assert listed["roles"] == [
        {"role": "admin", "operators": [], "station_ids": []},
        {"role": "owner", "operators": ["aral"], "station_ids": []},
    ]
    station = str(uuid4())
    after = json.loads(staff("set-roles", made.user_id, "--role", "manager", "--station", station, "--json").out)
    assert after["roles"] == [{"role": "manager", "operators": [], "station_ids": [station]}]
    assert "no longer staff" in staff("remove", made.user_id).out
    assert made.user_id not in staff("list").out


def test_an_address_is_taken_once_and_can_be_set_anew(config: Config) -> None:
    first = ensure_staff(config, email := address(), PASSWORD, ["owner"], ["aral"])
    second = ensure_staff(config, email.upper(), PASSWORD, ["manager"], ["aral"])
    assert (second.user_id, second.email) == (first.user_id, first.email)
    assert second.totp_secret != first.totp_secret


@pytest.mark.parametrize(
    ("email", "password", "roles", "operators", "said"),
    [
        ("no-address", PASSWORD, ["owner"], ["aral"], "no e-mail address"),
        (CANARY, "too short", ["owner"], ["aral"], "12 to 128"),
        (CANARY, PASSWORD, ["owner"], [], "bind it"),
        (CANARY, PASSWORD, ["driver"], [], "no role of staff"),
        (CANARY, PASSWORD, ["king"], [], "'king' is not one of"),
    ],
)
def test_what_cannot_be_made_is_said(
    config: Config, email: str, password: str, roles: list[str], operators: list[str], said: str
) -> None:
    with pytest.raises(StackError) as refused:
        ensure_staff(config, email, password, roles, operators)
    assert said in str(refused.value)
    assert email not in str(refused.value)


def test_an_unknown_person_is_refused(staff: Run) -> None:
    refused = staff("remove", str(uuid4()))
    assert refused.code == 1
    assert "no active person" in refused.err
    assert "Traceback" not in refused.err


def test_without_replace_an_address_stays_whose_it_is(config: Config) -> None:
    made = ensure_staff(config, address(), PASSWORD, ["owner"], ["aral"])
    again = [f"--email={made.email}", "--role=owner", "--operator=aral", "--password-stdin"]
    refused = run(config, "create-staff", *again, given=PASSWORD)
    assert refused.returncode == 1
    assert "somebody's already" in refused.stderr


def test_an_invitation_is_shown_once(staff: Run) -> None:
    email = address()
    made = json.loads(staff("invite", "--email", email, "--role", "owner", "--operator", "aral", "--json").out)
    assert (made["email"], made["link"].partition("#")[2]) == (email, made["token"])
    assert "#" in staff("invite", "--email", email, "--role", "admin").out
