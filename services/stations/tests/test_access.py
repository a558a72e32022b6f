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
    WriteRoute("POST", "/v1/stations/{station_id}/closures", "stations:write", {}),
    WriteRoute("PUT", "/v1/stations/{station_id}/pumps/1", "pumps:write", {"status": "free", "fuels": ["e5"]}),
]
OTHERS = {"stations:write": "pumps:write", "pumps:write": "stations:write"}


async def call(stations: Stations, route: WriteRoute, station_id: object, headers: dict[str, str]) -> int:
    body = {name: stations.operator if value == "{operator}" else value for name, value in route.body.items()}
    url = route.path.format(station_id=station_id)
    response = await stations.client.request(route.method, url, json=body, headers=headers)
    if response.status_code != 200:
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
    assert await call(stations, route, station_id, stations.bearer(route.scope)) == 200


@pytest.mark.parametrize("route", ROUTES[1:], ids=lambda route: route.path)
async def test_a_token_bound_to_one_station_writes_that_station_only(stations: Stations, route: WriteRoute) -> None:
    mine, other = await stations.register(), await stations.register()
    headers = stations.bearer(route.scope, operators=None, stations=[str(mine)])
    assert await call(stations, route, other, headers) == 403
    assert await call(stations, route, mine, headers) == 200


@pytest.mark.parametrize("route", ROUTES[1:], ids=lambda route: route.path)
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
    known = {(route.method, route.path.replace("pumps/1", "pumps/{pump_id}")) for route in ROUTES}
    assert set(writing) == known
    for operation in writing.values():
        assert {"401", "403", "422"} <= set(operation["responses"])
        assert operation["security"]
