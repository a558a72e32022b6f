"""Every error leaves an app as problem+json, with the trace id and without internals."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from servicekit.access import Permission
from servicekit.app import Kit, build_app
from servicekit.auth import Principal, Requires
from servicekit.problems import MAX_LISTED_ERRORS, MEDIA_TYPE, Problem, Unavailable
from servicekit.settings import ServiceSettings
from servicekit.store import StoreUnavailable
from servicekit.testkit import Issuer, running

SECRET = "postgresql://kit:dsn-secret@db"
router = APIRouter()


class Thing(BaseModel):
    """A body."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=5)]
    sizes: list[int] = []


@router.post("/things")
async def make_thing(thing: Thing) -> Thing:
    """Takes a body."""
    return thing


@router.get("/things")
async def list_things(limit: Annotated[int, Query(le=100)] = 10) -> int:
    """Takes a query."""
    return limit


@router.get("/errors/{kind}")
async def fail(kind: str) -> None:
    """Fails as it is told."""
    match kind:
        case "problem":
            raise Problem(409, "already-there", "It is there; take it.", headers={"X-Why": "that"}, where="here")
        case "unavailable":
            raise Unavailable("The bank", retry_after_seconds=7)
        case "store":
            raise StoreUnavailable(f"cannot connect to {SECRET}")
        case "http":
            raise HTTPException(410)
        case _:
            raise RuntimeError(f"boom: {SECRET}")


@router.get("/mine")
async def mine(principal: Annotated[Principal, Requires(Permission.PUMPS_WRITE)]) -> str:
    """Needs a scope."""
    return principal.subject


async def start(_: Kit) -> None:
    """Nothing to start."""


@pytest.fixture
async def client(settings: ServiceSettings, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    trusting = settings.model_copy(update={"issuer": issuer.url, "jwks_url": issuer.jwks_url})
    async with running(build_app(trusting, title="Kit", description="", start=start, routers=[router])) as client:
        yield client


def assert_problem(reply: httpx.Response, status: int, slug: str) -> dict:
    """What holds for every error; returns its document."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == MEDIA_TYPE
    document = reply.json()
    assert document["type"] == f"urn:forecourt:problem:{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert len(document["trace_id"]) == 32
    for internal in ("secret", "Traceback", "RuntimeError", ".py"):
        assert internal not in reply.text
    return document


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/errors/problem", 409, "already-there"), ("GET", "/errors/unavailable", 503, "unavailable"),
        ("GET", "/errors/store", 503, "unavailable"), ("GET", "/errors/http", 410, "gone"),
        ("GET", "/errors/bug", 500, "internal-error"), ("GET", "/nowhere", 404, "not-found"),
        ("DELETE", "/things", 405, "method-not-allowed"), ("GET", "/things?limit=101", 422, "invalid-input"),
        ("GET", "/mine", 401, "unauthorised"),
    ],
)  # fmt: skip
async def test_every_error_is_a_problem(client: httpx.AsyncClient, method: str, path: str, status: int, slug: str):
    assert_problem(await client.request(method, path), status, slug)


async def test_a_problem_carries_its_headers_and_fields(client: httpx.AsyncClient):
    reply = await client.get("/errors/problem")
    document = assert_problem(reply, 409, "already-there")
    assert reply.headers["X-Why"] == "that"
    assert document["where"] == "here"
    assert document["detail"] == "It is there; take it."
    assert (await client.get("/errors/unavailable")).headers["Retry-After"] == "7"


async def test_wrong_fields_are_named_by_pointer(client: httpx.AsyncClient):
    body = {"name": "too long", "sizes": [1, "x"], "extra": 1}
    document = assert_problem(await client.post("/things", json=body), 422, "invalid-input")
    assert {error["pointer"] for error in document["errors"]} == {"/name", "/sizes/1", "/extra"}
    assert {error["in"] for error in document["errors"]} == {"body"}


async def test_the_list_of_wrong_fields_is_bounded(client: httpx.AsyncClient):
    body = {"name": "x", "sizes": ["x"] * 1_000}
    document = assert_problem(await client.post("/things", json=body), 422, "invalid-input")
    assert len(document["errors"]) == MAX_LISTED_ERRORS
    assert document["detail"].startswith("1000 field(s)")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"name": NaN', b"[1,"])
async def test_a_body_that_is_no_json_is_a_400(client: httpx.AsyncClient, body: bytes):
    reply = await client.post("/things", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert reply.headers["content-type"] == MEDIA_TYPE


async def test_a_wrong_token_and_a_missing_scope_say_what_to_do(client: httpx.AsyncClient, issuer: Issuer):
    refused = await client.get("/mine", headers={"Authorization": "Bearer nonsense"})
    assert_problem(refused, 401, "unauthorised")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    missing = assert_problem(await client.get("/mine", headers=issuer.bearer("other")), 403, "missing-scope")
    assert "pumps:write" in missing["detail"]
    assert (await client.get("/mine", headers=issuer.bearer("pumps:write"))).json() == "test-client"


async def test_openapi_describes_problems(client: httpx.AsyncClient):
    app = build_app(client._transport.app.state.settings, title="Kit", description="", start=start, routers=[router])  # pyright: ignore[reportAttributeAccessIssue] - the test's own transport
    assert "trace_id" in app.openapi()["components"]["schemas"]["Problem"]["properties"]
