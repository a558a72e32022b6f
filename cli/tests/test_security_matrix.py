"""`security-matrix`: what the table says of a few routes, and that it is the whole table."""

import json

import pytest
from typer.testing import CliRunner, Result

from forecourt.main import app
from forecourt.security_matrix import CALLERS
from gateway.routes import ROUTES
from local_stack.config import StackError


def shown(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["security-matrix", *arguments])


def cells(text: str, method: str, path: str) -> list[str]:
    """The cells of a route's line."""
    lines = [[cell.strip() for cell in line.strip("│ \n").split("│")] for line in text.splitlines()]
    [found] = [line[2:] for line in lines if line[:2] == [method, path]]
    return found


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/prices", "anyone all all all all all all all all all all"),
        ("POST", "/v1/price-reports", "prices:write - - - - - - - - - stations"),
        ("PUT", "/v1/stations/{station_id}/pumps/{pump_id}",
         "pumps:write - - stations stations stations - - - - stations"),
        ("PUT", "/v1/me/favourites/{station_id}", "driver - own - - - - - - - -"),
        ("POST", "/v1/price-changes/{change_id}/approve", "price-changes:approve - - - stations stations - - - - -"),
        ("PUT", "/v1/price-rules/{region}", "price-rules:write - - - - - - - - all all"),
    ],
)  # fmt: skip
def test_a_line_says_who_may_call_a_route(method: str, path: str, expected: str):
    assert cells(shown().stdout, method, path) == expected.split()


def test_it_has_every_route_and_caller():
    rows = json.loads(shown("--json").stdout)
    assert [(row["method"], row["path"]) for row in rows] == [(route.method, route.path) for route in ROUTES]
    assert all(tuple(row["reach"]) == CALLERS for row in rows)


def test_one_role_sees_only_what_it_may_do():
    text = shown("--role", "attendant").stdout
    assert cells(text, "PUT", "/v1/stations/{station_id}/pumps/{pump_id}") == ["pumps:write", "stations"]
    assert "price-changes" not in text
    rows = json.loads(shown("--role", "attendant", "--json").stdout)
    assert rows
    assert all(row["reach"]["attendant"] != "-" for row in rows)


def test_what_needs_a_fresh_sign_in_is_marked():
    fresh = {(row["method"], row["path"]) for row in json.loads(shown("--json").stdout) if row["step_up"]}
    assert ("DELETE", "/v1/me") in fresh
    for method, path in fresh:
        assert any(cell.endswith("*") for cell in cells(shown().stdout, method, path))


def test_nobody_by_that_name_is_an_error_with_the_names():
    result = shown("--role", "king")
    assert isinstance(result.exception, StackError)
    assert "attendant" in str(result.exception)
