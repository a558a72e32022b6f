"""Who may write: every writing route without a token, with the wrong scope, for somebody else's station."""

from dataclasses import dataclass
from typing import Any

import pytest

from servicekit.ids import new_id

from .conftest import Stations, row


@dataclass(frozen=True)
class WriteRoute:
    """A route that writes, with a body that it would take."""

    method: str
    path: str
    scope: str
    body: dict[str, Any]


ROUTES = [
    WriteRoute("POST", "/v1/station-imports", "stations:write", {"operator": "{operator}", "stations": [row()]}),
    WriteRoute("POST", "/v1/stations", "stations:write", row() | {"operator": "{operator}"}),
    WriteRoute("PATCH", "/v1/stations/{station_id}", "stations:write", {"name": "Aral Alex"}),
    WriteRoute("POST", "/v1/stations/{station_id}/closures", "stations:write", {}),
    WriteRoute("PUT", "/v1/stations/{station_id}/pumps/1", "pumps:write", {"status": "free", "fuels": ["e5"]}),
]
OF_A_STATION = [route for route in ROUTES if "{station_id}" in route.path]
DRIVER_ROUTES = [
    WriteRoute("GET", "/v1/me/favourites", "driver", {}),
    WriteRoute("PUT", "/v1/me/favourites/{station_id}", "driver", {"note": "near home"}),
    WriteRoute("GET", "/v1/me/favourites/{station_id}", "driver", {}),
    WriteRoute("DELETE", "/v1/me/favourites/{station_id}", "driver", {}),
    WriteRoute("POST", "/v1/stations/{station_id}/reviews", "driver", {"stars": 5}),
    WriteRoute("DELETE", "/v1/stations/{station_id}/reviews/mine", "driver", {}),
]
"""Whose token it is decides whose favourites and reviews they are: the tests of both show that none sees another's."""
OTHERS = {"stations:write": "pumps:write", "pumps:write": "stations:write"}


async def call(stations: Stations, route: WriteRoute, station_id: object, headers: dict[str, str]) -> int:
    body = {name: stations.operator if value == "{operator}" else value for name, value in route.body.items()}
    url = route.path.format(station_id=station_id)
    response = await stations.client.request(route.method, url, json=body, headers=headers)
    if not response.is_success:
        assert response.headers["content-type"] == "application/problem+json"
    return response.status_code


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_only_the_bound_operator_with_the_scope_may_write(stations: Stations, route: WriteRoute) -> None:
    station_id = await stations.register()
    answers = {
        "no token": await call(stations, route, station_id, {}),
        "no bearer": await call(stations, route, station_id, {"Authorization": "Basic eA=="}),
        "broken token": await call(stations, route, station_id, {"Authorization": "Bearer x.y.z"}),
        "expired": await call(stations, route, station_id, stations.bearer(route.scope, exp=1)),
        "wrong scope": await call(stations, route, station_id, stations.bearer(OTHERS[route.scope])),
        "no scope": await call(stations, route, station_id, stations.bearer()),
        "other operator": await call(stations, route, station_id, stations.bearer(route.scope, operators=["other"])),
        "nobody's": await call(stations, route, station_id, stations.bearer(route.scope, operators=None)),
    }
    assert answers == {
        "no token": 401, "no bearer": 401, "broken token": 401, "expired": 401, "wrong scope": 403, "no scope": 403,
        "other operator": 403, "nobody's": 403,
    }  # fmt: skip
    assert await call(stations, route, station_id, stations.bearer(route.scope)) in {200, 201}


@pytest.mark.parametrize("route", OF_A_STATION, ids=lambda route: route.path)
async def test_a_token_bound_to_one_station_writes_that_station_only(stations: Stations, route: WriteRoute) -> None:
    mine, other = await stations.register(), await stations.register()
    headers = stations.bearer(route.scope, operators=None, stations=[str(mine)])
    assert await call(stations, route, other, headers) == 403
    assert await call(stations, route, mine, headers) == 200


async def test_security_20_a_role_counts_only_where_it_holds(stations: Stations) -> None:
    """A manager at one station who is an attendant at another: what only managers do is done at the first one."""
    managed, attended = await stations.register(), await stations.register()
    grants = [
        {"role": "manager", "operators": [], "stations": [str(managed)]},
        {"role": "attendant", "operators": [], "stations": [str(attended)]},
    ]
    both = [str(managed), str(attended)]
    headers = stations.bearer("stations:write", "pumps:write", operators=None, stations=both, grants=grants)
    for route in sorted(OF_A_STATION, key=lambda one: one.path.endswith("closures")):
        expected = 200 if route.scope == "pumps:write" else 403
        assert await call(stations, route, attended, headers) == expected, route.path
        assert await call(stations, route, managed, headers) == 200, route.path


async def test_only_a_driver_may_keep_favourites_and_review(stations: Stations) -> None:
    station_id = await stations.register()
    for route in DRIVER_ROUTES:
        assert await call(stations, route, station_id, {}) == 401, route
        assert await call(stations, route, station_id, stations.bearer("stations:write", "pumps:write")) == 403, route
        assert await call(stations, route, station_id, stations.bearer("driver")) in {200, 201, 204}, route


@pytest.mark.parametrize("route", OF_A_STATION, ids=lambda route: route.path)
async def test_a_station_that_does_not_exist_is_404_and_no_id_is_422(stations: Stations, route: WriteRoute) -> None:
    headers = stations.bearer(route.scope)
    assert await call(stations, route, new_id(), headers) == 404
    assert await call(stations, route, "$where", headers) == 422


async def test_every_writing_route_is_in_the_table_and_documents_its_problems(stations: Stations) -> None:
    document = (await stations.client.get("/openapi.json")).json()
    writing = {
        (method.upper(), path): operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "get"
    }
    routes = [*ROUTES, *(route for route in DRIVER_ROUTES if route.method != "GET")]
    known = {(route.method, route.path.replace("pumps/1", "pumps/{pump_id}")) for route in routes}
    assert set(writing) == known
    for operation in writing.values():
        assert {"401", "403", "422"} <= set(operation["responses"])
        assert operation["security"]
