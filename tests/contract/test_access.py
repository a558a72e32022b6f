"""Every route of every app names its row of the access table, and the gateway names the same one."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from gateway.openapi import Document, merge
from gateway.routes import ROUTES
from local_stack.config import REPOSITORY
from schemas.reservations import PATH as RESERVATIONS
from servicekit.access import ANYONE, RULES, TABLE, Permission, holders
from servicekit.app import OPERATOR_PATHS
from servicekit.auth import authenticate
from stations.api.answers import quick_answers

INTERNAL = "/internal/"
"""What services ask each other: behind no row of the gateway's table, and for one permission only."""
DOCUMENT_PATHS = {"/openapi.json", "/docs", "/docs/{asset}"}
"""The gateway's own pages."""
Place = tuple[str, str, str]
"""(app, method, path)"""


@pytest.fixture(scope="module")
def routes(apps: dict[str, FastAPI]) -> dict[Place, RouteContext]:
    """Every route of every app, those that no document shows too."""
    return {
        (name, method, route.path or ""): route
        for name, app in apps.items()
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute)
        for method in route.methods or ()
    }


def permissions_of(route: RouteContext) -> set[str]:
    """The permissions that the route asks the caller's token for."""
    return {scope for dependant in every(route.dependant) for scope in dependant.own_oauth_scopes or ()}


def every(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from every(one)


def is_for_anyone(route: RouteContext) -> bool:
    return ANYONE.items() <= (route.openapi_extra or {}).items()


def test_every_service_is_looked_at(apps: dict[str, FastAPI]):
    services = {folder.name for folder in (REPOSITORY / "services").iterdir() if (folder / "src").is_dir()}
    assert services | {"gateway"} == apps.keys()


def test_security_29_no_app_answers_what_is_no_route_of_ours(apps: dict[str, FastAPI]):
    """FastAPI's own pages, mounted files and the like would name no permission."""
    strange = [
        (name, route.path)
        for name, app in apps.items()
        for route in iter_route_contexts(app.routes)
        if not isinstance(route.original_route, APIRoute)
    ]
    assert strange == [(name, "/openapi.json") for name in apps if name != "gateway"]


def test_security_29_no_app_runs_in_debug_mode_or_has_pages_of_its_own(apps: dict[str, FastAPI]):
    for name, app in apps.items():
        assert (app.debug, app.docs_url, app.redoc_url) == (False, None, None), name


def test_every_route_names_one_permission_or_anyone(routes: dict[Place, RouteContext]):
    shown = {place: route for place, route in routes.items() if route.include_in_schema}
    assert len(shown) > 30
    wrong = {
        place: sorted(permissions_of(route)) or "nobody is named"
        for place, route in shown.items()
        if len(permissions_of(route)) != (0 if is_for_anyone(route) else 1)
    }
    assert wrong == {}


def test_a_permission_is_asked_for_by_checking_a_token(routes: dict[Place, RouteContext]):
    """Scopes that are written down beside a route without the check would protect nothing."""
    for place, route in routes.items():
        if permissions_of(route):
            assert any(one.call is authenticate for one in every(route.dependant)), place


def test_security_29_hidden_routes_are_for_operators_or_for_other_services(routes: dict[Place, RouteContext]):
    hidden = {place: route for place, route in routes.items() if not route.include_in_schema}
    named = OPERATOR_PATHS | DOCUMENT_PATHS
    others = {place: permissions_of(route) for place, route in hidden.items() if place[2] not in named}
    assert all(path.startswith(INTERNAL) for _, _, path in others), others
    # Only identity has a token that reads personal data; payments asks for a reservation with the driver's own.
    for place, asked in others.items():
        is_reservation = place[2].startswith(RESERVATIONS)
        assert asked == {Permission.PAY if is_reservation else Permission.PERSONAL_DATA_READ}, place


def test_what_is_answered_before_fastapi_is_for_anyone(routes: dict[Place, RouteContext]):
    for path in quick_answers(None, None):  # pyright: ignore[reportArgumentType] - only the paths are looked at
        assert is_for_anyone(routes["stations", "GET", path])


def test_the_gateway_asks_for_the_same_permission_as_the_service(routes: dict[Place, RouteContext]):
    """A route that one of them forgot would be open as wide as the other leaves it."""
    door = {
        (row.upstream or "gateway", row.method, row.path): {row.permission} - {None}
        for row in ROUTES
        if row.path not in DOCUMENT_PATHS
    }
    asked = {place: permissions_of(route) for place, route in routes.items() if route.include_in_schema}
    assert {place: asked.get(place) for place in door} == door
    assert asked.keys() <= door.keys(), "clients cannot reach what gateway/routes.py does not have"


def test_security_29_nothing_for_other_services_is_behind_the_gateway():
    assert [row.path for row in ROUTES if INTERNAL in row.path or row.permission is Permission.PERSONAL_DATA_READ] == []


def test_every_permission_is_asked_for_somewhere(routes: dict[Place, RouteContext]):
    """A row of the table that no route names would say what is not so."""
    asked = {permission for route in routes.values() for permission in permissions_of(route)}
    assert {rule.permission for rule in TABLE} == asked


def test_the_merged_document_says_who_may_call_what(apps: dict[str, FastAPI]):
    document = merge({name: app.openapi() for name, app in apps.items()}, ROUTES)
    for row in ROUTES:
        if row.path in DOCUMENT_PATHS:
            continue
        operation: Document = document["paths"][row.path][row.method.lower()]
        if row.permission is None:
            assert operation["x-access"] == "anyone"
            assert "security" not in operation
        else:
            assert operation["security"] == [{"oauth2": [row.permission]}]
            assert set(operation["x-roles"]) == holders(row.permission)
            assert operation["x-step-up"] == RULES[row.permission].step_up
            assert {"401", "403"} <= operation["responses"].keys()


def test_the_merged_document_says_how_to_get_a_token(apps: dict[str, FastAPI]):
    document = merge({name: app.openapi() for name, app in apps.items()}, ROUTES)
    [scheme] = document["components"]["securitySchemes"].values()
    flows = scheme["flows"]
    assert flows.keys() == {"authorizationCode", "clientCredentials"}
    people = {rule.permission.value: rule.what for rule in TABLE if rule.roles}
    machines = {rule.permission.value: rule.what for rule in TABLE if rule.machines}
    assert flows["authorizationCode"]["scopes"] == people
    assert flows["clientCredentials"]["scopes"] == machines
    paths = {(row.method, row.path) for row in ROUTES}
    assert ("GET", flows["authorizationCode"]["authorizationUrl"]) in paths
    assert all(("POST", flow["tokenUrl"]) in paths for flow in flows.values())
