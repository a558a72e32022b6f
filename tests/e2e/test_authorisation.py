"""Who may do what, for every route that the merged OpenAPI document names."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from forecourt.clients import ensure_client
from identity.domain import SCOPES
from local_stack.config import Config
from schemas.base import rfc3339

from ..platform_kit import Day
from .operations import MADE_BY, Api, Key

PUBLIC = {
    ("post", "/v1/oauth/token"), ("get", "/.well-known/jwks.json"), ("get", "/.well-known/oauth-authorization-server"),
    ("get", "/v1/stations/nearby"), ("get", "/v1/stations/along"), ("get", "/v1/stations/clusters"),
    ("get", "/v1/stations"), ("get", "/v1/stations/{station_id}"), ("get", "/v1/stations/{station_id}/reviews"),
    ("get", "/v1/stations/{station_id}/pumps"), ("get", "/v1/stations/{station_id}/navigation"),
    ("get", "/v1/stations/{station_id}/reviews"),
    ("get", "/v1/prices"), ("get", "/v1/prices/stream"), ("get", "/v1/price-rules/{region}"),
    ("get", "/v1/stations/{station_id}/prices/history"), ("get", "/v1/stations/{station_id}/prices/position"),
    ("get", "/v1/prices/levels"),
}  # fmt: skip
"""What anybody may do; a route that is added here was decided to be public."""

OWNER, COLLEAGUE, STRANGER = "tankerkoenig", "colleague", "stranger"
REFUSED = {403, 404}
Bearer = Callable[..., Awaitable[str]]
Verdict = Callable[[int, Any], bool]
"""Whether an answer to somebody else, (status, JSON), is right."""


def _is_for_anybody(status: int, _: Any) -> bool:
    return status not in {401, *REFUSED}


WHAT_A_STRANGER_GETS: dict[Key, Verdict] = {
    ("post", "/v1/price-reports"): lambda _, reply: [v["reason"] for v in reply["verdicts"]] == ["not_your_station"],
    ("get", "/v1/price-reports"): lambda _, reply: {v["reason"] for v in reply["verdicts"]} <= {"not_your_station"},
    ("get", "/v1/price-changes"): lambda _, reply: reply["price_changes"] == [],
    ("get", "/v1/me/price-alerts"): lambda _, reply: reply["price_alerts"] == [],
    ("post", "/v1/me/price-alerts"): _is_for_anybody,
    ("delete", "/v1/me/price-alerts"): _is_for_anybody,
    ("get", "/v1/me/favourites"): lambda _, reply: reply["favourites"] == [],
    ("put", "/v1/me/favourites/{station_id}"): _is_for_anybody,
    ("delete", "/v1/me/favourites/{station_id}"): _is_for_anybody,
    ("post", "/v1/stations/{station_id}/reviews"): _is_for_anybody,
    ("delete", "/v1/stations/{station_id}/reviews/mine"): _is_for_anybody,
    ("put", "/v1/price-rules/{region}"): _is_for_anybody,
    ("get", "/v1/price-rules/{region}/versions"): _is_for_anybody,
    ("post", "/v1/price-rules/{region}/dry-runs"): _is_for_anybody,
}
"""Where 403 or 404 is not the right answer to a client of another operator with every scope: lists hold its own things
only, alerts, favourites and reviews are each driver's own, and rules belong to a region, not to an operator."""
OF_ONE_PERSON = {"alert_id"}
"""What path parameters stand for that is one client's, not its operator's: each makes its own."""
LAST = ("post", "/v1/stations/{station_id}/closures")
"""After it nothing may be done with the station."""
ORDER = ("put", "post", "patch", "get", "delete")
"""In which one client may do it all: things are made before they are looked at."""


@pytest.fixture(scope="module")
async def http(platform: Config) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(platform.gateway_url) as session:
        yield session


@pytest.fixture(scope="module")
async def api(
    platform: Config, tmp_path_factory: pytest.TempPathFactory, http: aiohttp.ClientSession, bearer: Bearer
) -> Api:
    """All operations, about a station of the owner and what was made for it."""
    day = Day.generate(tmp_path_factory.mktemp("day"), stations=20, prices=20, seed=5)
    day.replay(platform)
    async with http.get("/openapi.json") as reply:
        api = Api(http, await reply.json())
    async with http.get("/v1/stations", params={"operator": OWNER, "limit": 1}) as reply:
        station_id = (await reply.json())["stations"][0]["station_id"]
    soon = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    api.objects |= {"station_id": station_id, "operator": OWNER, "effective_at": soon, "valid_from": soon}
    api.objects |= await api.make(MADE_BY, await bearer(OWNER, *SCOPES))
    return api


@pytest.fixture(scope="module")
async def bearer(platform: Config, http: aiohttp.ClientSession) -> Bearer:
    """`await bearer(name, *scopes)`: the Authorization header of a client of the operator of that name."""
    clients: dict[str, str] = {}

    async def token(name: str, *scopes: str) -> str:
        if name not in clients:
            operator = OWNER if name == COLLEAGUE else name
            clients[name] = aiohttp.encode_basic_auth(*ensure_client(platform, f"test-{name}", SCOPES, [operator], []))
        return await access(http, clients[name], " ".join(scopes))

    return token


async def access(http: aiohttp.ClientSession, credentials: str, scope: str) -> str:
    form = {"grant_type": "client_credentials", "scope": scope}
    headers = {"Authorization": credentials}
    async with http.post("/v1/oauth/token", data=form, headers=headers) as reply:
        return f"Bearer {(await reply.json())['access_token']}"


async def test_only_what_was_decided_to_be_public_is(api: Api):
    protected = {operation.key for operation in api.protected()}
    assert protected
    assert api.operations.keys() - protected == PUBLIC


async def test_no_token_or_a_bad_one_is_401_everywhere(api: Api):
    for operation in api.protected():
        for authorization in (None, "Bearer nonsense", "Basic eDp5", "Bearer " + "a." * 5_000):
            status, problem = await api.ask(operation, authorization)
            assert status == 401, (operation.key, authorization)
            assert problem["type"] == "urn:forecourt:problem:unauthorised"


async def test_every_other_scope_is_403_everywhere(api: Api, bearer: Bearer):
    for operation in api.protected():
        assert operation.scopes, f"{operation.key} asks for no scope"
        others = [scope for scope in SCOPES if scope not in operation.scopes]
        status, problem = await api.ask(operation, await bearer(OWNER, *others))
        assert (status, problem["type"]) == (403, "urn:forecourt:problem:missing-scope"), operation.key


async def test_what_is_somebody_elses_cannot_be_touched(api: Api, bearer: Bearer):
    """Each operation with all scopes, from a client that is bound to somebody else's stations; it looks first."""
    stranger = await bearer(STRANGER, *SCOPES)
    for operation in sorted(api.protected(), key=lambda one: one.key[0] != "get"):
        status, reply = await api.ask(operation, stranger)
        is_right = WHAT_A_STRANGER_GETS.get(operation.key, lambda status, _: status in REFUSED)
        assert is_right(status, reply), (
            f"{operation.key} answers a stranger {status} {reply}: a hole, or a row for WHAT_A_STRANGER_GETS"
        )


async def test_a_client_of_the_owner_may_do_it_all(api: Api, bearer: Bearer):
    """So it was the stranger that was refused, and nothing else about the requests; and examples are good ones.

    Somebody else of the same operator, because nobody approves what they asked for themselves.
    """
    colleague = await bearer(COLLEAGUE, *SCOPES)
    for operation in sorted(api.protected(), key=lambda one: (one.key == LAST, ORDER.index(one.key[0]))):
        mine = await api.make(OF_ONE_PERSON & set(operation.names), colleague)
        status, reply = await api.ask(operation, colleague, mine)
        assert status < 500, (operation.key, reply)
        assert status not in {400, 401, *REFUSED, 422}, (operation.key, status, reply)


async def test_a_client_bound_to_one_station_reports_for_that_one_only(
    platform: Config, api: Api, http: aiohttp.ClientSession
):
    async with http.get("/v1/stations", params={"operator": OWNER, "limit": 2}) as reply:
        mine, other = [station["station_id"] for station in (await reply.json())["stations"]]
    credentials = aiohttp.encode_basic_auth(*ensure_client(platform, "one-station", ["prices:write"], [], [mine]))
    token = await access(http, credentials, "prices:write")
    reasons = []
    for station_id in (mine, other):
        _, answer = await api.ask(
            api.operations["post", "/v1/price-reports"], token, {"station_id": station_id, "report_id": station_id}
        )
        reasons.append(answer["verdicts"][0]["reason"] == "not_your_station")
    assert reasons == [False, True]
