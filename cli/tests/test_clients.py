"""`clients`, run as a person runs it, on the real database."""

import json
from collections.abc import Callable
from uuid import uuid4

import pytest
import typer

from forecourt.clients import app, ensure_client
from local_stack.config import Config, StackError

from .conftest import Run


@pytest.fixture
def clients(commands: Callable[[typer.Typer], Run]) -> Run:
    """Runs `clients` with these arguments."""
    return commands(app)


def creation(name: str) -> list[str]:
    """The arguments that make a client."""
    return ["create", "--name", name, "--scope", "prices:write", "--operator", "Aral"]


def test_client_is_created_listed_rotated_and_revoked(clients: Run) -> None:
    name = f"pos {uuid4()}"
    created = json.loads(clients(*creation(name), "--station", str(uuid4()), "--json").out)
    assert len(created["client_secret"]) == 43
    rotated = json.loads(clients("rotate-secret", created["client_id"], "--json").out)
    assert rotated["client_secret"] != created["client_secret"]
    assert created["client_id"] in clients("revoke", created["client_id"]).out
    listing = clients("list", "--json").out
    [listed] = [client for client in json.loads(listing) if client["name"] == name]
    assert listed["revoked_at"]
    assert "secret" not in listing
    assert clients("rotate-secret", created["client_id"]).code == 1


def test_name_is_taken_once(clients: Run) -> None:
    name = f"pos {uuid4()}"
    first = dict(line.split() for line in clients(*creation(name)).out.splitlines())
    refused = clients(*creation(name))
    assert refused.code == 1
    assert "--replace" in refused.err
    second = json.loads(clients(*creation(name), "--replace", "--scope", "pumps:write", "--json").out)
    assert second["client_id"] == first["client_id"]
    assert second["scopes"] == ["prices:write", "pumps:write"]
    assert second["client_secret"] != first["client_secret"]


def test_keys_do_not_rotate_before_the_next_one_is_known(clients: Run) -> None:
    first, second = clients("rotate-keys"), clients("rotate-keys")
    assert first.code == 0 or "may sign from" in first.err
    assert second.code == 1
    assert "may sign from" in second.err


def test_ensure_client_can_be_repeated(config: Config) -> None:
    name, station = f"-- {uuid4()}", str(uuid4())
    first = ensure_client(config, name, ["prices:write"], [], [station])
    second = ensure_client(config, name, ["prices:write"], ["--json"], [])
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_ensure_client_says_what_is_wrong(config: Config) -> None:
    with pytest.raises(StackError, match="at least one operator or station"):
        ensure_client(config, "unbound", ["prices:write"], [], [])


def test_an_app_is_registered_listed_and_revoked(clients: Run) -> None:
    name = f"app-{uuid4()}"
    wanted = ["create-app", name, "--name", "Fleet", "--redirect-uri", "https://fleet.example/in", "--scope", "account"]
    assert json.loads(clients(*wanted, "--json").out)["scopes"] == ["account"]
    assert "take another id" in clients(*wanted).err
    assert f"revoked {name}" in clients("revoke-app", name).out
    [listed] = [one for one in json.loads(clients("list-apps", "--json").out) if one["client_id"] == name]
    assert listed["revoked_at"]
