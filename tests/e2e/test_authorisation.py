"""Who may do what, for every route that the merged OpenAPI document names."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from forecourt.clients import ensure_client
from local_stack.config import Config
from servicekit.ids import new_id

from ..platform_kit import Day, client_of

PUBLIC = {
    ("post", "/v1/oauth/token"), ("get", "/.well-known/jwks.json"), ("get", "/.well-known/oauth-authorization-server"),
    ("get", "/v1/stations/nearby"), ("get", "/v1/stations"), ("get", "/v1/stations/{station_id}"),
    ("get", "/v1/stations/{station_id}/pumps"), ("get", "/v1/stations/{station_id}/navigation"),
    ("get", "/v1/prices"), ("get", "/v1/prices/stream"),
    ("get", "/v1/stations/{station_id}/prices/history"),
}  # fmt: skip
"""What anybody may do; a route that is added here was decided to be public."""

SCOPES = (
    "prices:write", "stations:write", "pumps:write", "orders:write", "price-changes:write", "price-changes:approve",
    "price-rules:write", "driver",
)  # fmt: skip
Operation = tuple[str, str]


@pytest.fixture(scope="module")
async def http(platform: Config) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(platform.gateway_url) as session:
        yield session


@pytest.fixture(scope="module")
async def protected(http: aiohttp.ClientSession) -> dict[Operation, set[str]]:
    """Every operation that needs a token, with the scopes it asks for."""
    async with http.get("/openapi.json") as reply:
        paths = (await reply.json())["paths"]
    operations = {(method, path): it for path, methods in paths.items() for method, it in methods.items()}
    assert {key for key, it in operations.items() if not it.get("security")} == PUBLIC
    return {
        key: {scope for requirement in it["security"] for scopes in requirement.values() for scope in scopes}
        for key, it in operations.items()
        if key not in PUBLIC
    }


@pytest.fixture(scope="module")
async def station_id(platform: Config, tmp_path_factory: pytest.TempPathFactory, http: aiohttp.ClientSession) -> str:
    """A station of the operator `tankerkoenig`."""
    day = Day.generate(tmp_path_factory.mktemp("day"), stations=20, prices=20, seed=5)
    day.replay(platform)
    async with http.get("/v1/stations", params={"operator": "tankerkoenig", "limit": 1}) as reply:
        return (await reply.json())["stations"][0]["station_id"]


def body_of(operation: Operation, station_id: str) -> Any:
    """A body that would be accepted from the right client."""
    report = {
        "report_id": str(new_id()), "station_id": station_id, "fuel": "e5", "price_mills": 1_700, "currency": "EUR",
        "effective_at": "2026-05-01T00:00:00Z",
    }  # fmt: skip
    return {
        ("post", "/v1/price-reports"): {"reports": [report]},
        ("post", "/v1/station-imports"): {"operator": "tankerkoenig", "stations": [{"external_id": "x"}]},
        ("put", "/v1/stations/{station_id}/pumps/{pump_id}"): {"status": "free", "fuels": ["e5"]},
        ("post", "/v1/stations/{station_id}/closures"): {},
    }.get(operation)


async def ask(
    http: aiohttp.ClientSession, operation: Operation, station_id: str, authorization: str | None
) -> tuple[int, Any]:
    method, path = operation
    headers = {"Authorization": authorization} if authorization else {}
    where = path.format(station_id=station_id, pump_id="1")
    params = {"report_id": "x"} if operation == ("get", "/v1/price-reports") else {}
    body = body_of(operation, station_id)
    async with http.request(method, where, json=body, params=params, headers=headers) as reply:
        return reply.status, await reply.json()


async def bearer(config: Config, operator: str, *scopes: str) -> str:
    async with client_of(config, operator, *scopes) as client:
        return f"Bearer {await client.token()}"


async def test_no_token_or_a_bad_one_is_401_everywhere(
    http: aiohttp.ClientSession, protected: dict[Operation, set[str]], station_id: str
):
    assert protected
    for operation in protected:
        for authorization in (None, "Bearer nonsense", "Basic eDp5", "Bearer " + "a." * 5_000):
            status, problem = await ask(http, operation, station_id, authorization)
            assert status == 401, (operation, authorization)
            assert problem["type"] == "urn:forecourt:problem:unauthorised"


async def test_every_other_scope_is_403_everywhere(
    platform: Config, http: aiohttp.ClientSession, protected: dict[Operation, set[str]], station_id: str
):
    for operation, scopes in protected.items():
        assert scopes, f"{operation} asks for no scope"
        others = [scope for scope in SCOPES if scope not in scopes]
        status, problem = await ask(http, operation, station_id, await bearer(platform, "tankerkoenig", *others))
        assert (status, problem["type"]) == (403, "urn:forecourt:problem:missing-scope"), operation


async def test_another_operators_station_cannot_be_touched(
    platform: Config, http: aiohttp.ClientSession, protected: dict[Operation, set[str]], station_id: str
):
    """Each write with all scopes, from a client that is bound to somebody else's stations."""
    stranger = await bearer(platform, "stranger", *SCOPES)
    for operation in protected:
        status, reply = await ask(http, operation, station_id, stranger)
        if operation == ("post", "/v1/price-reports"):
            assert [v["reason"] for v in reply["verdicts"]] == ["not_your_station"]
        elif operation == ("get", "/v1/price-reports"):
            assert reply["verdicts"] == []
        else:
            assert status in {403, 404}, (operation, reply)


async def test_a_client_bound_to_one_station_reports_for_that_one_only(
    platform: Config, http: aiohttp.ClientSession, station_id: str
):
    async with http.get("/v1/stations", params={"operator": "tankerkoenig", "limit": 2}) as reply:
        other = (await reply.json())["stations"][1]["station_id"]
    credentials = ensure_client(platform, "one-station", ["prices:write"], [], [station_id])
    form = {"grant_type": "client_credentials"}
    auth = {"Authorization": aiohttp.encode_basic_auth(*credentials)}
    async with http.post("/v1/oauth/token", data=form, headers=auth) as reply:
        token = f"Bearer {(await reply.json())['access_token']}"
    reasons = []
    for station in (station_id, other):
        _, answer = await ask(http, ("post", "/v1/price-reports"), station, token)
        reasons.append(answer["verdicts"][0]["reason"])
    assert reasons == [None, "not_your_station"]
