"""The edge of every service: body limit, deadline, metrics, and streams that may take their time."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from servicekit.app import Kit, build_app
from servicekit.problems import MEDIA_TYPE
from servicekit.settings import ServiceSettings
from servicekit.telemetry import REQUESTS
from servicekit.testkit import running

LIMIT_BYTES = 1_000
DEADLINE_SECONDS = 0.2
router = APIRouter()


class Body(BaseModel):
    """A body."""

    text: str


@router.post("/parsed")
async def parsed(body: Body) -> int:
    """Lets FastAPI read the body."""
    return len(body.text)


@router.post("/raw")
async def raw(request: Request) -> int:
    """Reads the body itself."""
    return len(await request.body())


@router.get("/never")
async def never() -> None:
    """Waits for what does not come."""
    await asyncio.Event().wait()


@router.get("/bug")
async def bug() -> None:
    """Fails."""
    raise RuntimeError("a bug")


@router.get("/stream")
async def stream() -> StreamingResponse:
    """Starts at once and takes longer than the deadline."""

    async def pieces() -> AsyncIterator[str]:
        end = asyncio.get_running_loop().time() + 2 * DEADLINE_SECONDS
        while asyncio.get_running_loop().time() < end:
            yield "piece;"
            await asyncio.sleep(0.05)
        yield "end"

    return StreamingResponse(pieces())


async def start(_: Kit) -> None:
    """Nothing to start."""


@pytest.fixture
async def client(settings: ServiceSettings) -> AsyncIterator[httpx.AsyncClient]:
    limited = {"service": "kit-edge", "max_body_bytes": LIMIT_BYTES, "request_timeout_seconds": DEADLINE_SECONDS}
    app = build_app(settings.model_copy(update=limited), title="Kit", description="", start=start, routers=[router])
    async with running(app) as client:
        yield client


def counted(route: str, status: int, method: str = "POST") -> float:
    """How many requests were counted so."""
    return REQUESTS.labels("kit-edge", method, route, status)._value.get()


async def in_pieces(size: int) -> AsyncIterator[bytes]:
    """A body without a declared length."""
    for _ in range(0, size, 100):
        yield b"x" * 100


@pytest.mark.parametrize("path", ["/parsed", "/raw"])
async def test_security_25_a_declared_length_over_the_limit_is_refused_unread(client: httpx.AsyncClient, path: str):
    before = counted("unmatched", 413)
    reply = await client.post(path, content=b"x" * (LIMIT_BYTES + 1))
    assert (reply.status_code, reply.headers["content-type"]) == (413, MEDIA_TYPE)
    assert reply.json()["type"].endswith("body-too-large")
    assert counted("unmatched", 413) == before + 1


@pytest.mark.parametrize("path", ["/parsed", "/raw"])
async def test_security_25_a_body_without_a_length_is_counted_as_it_comes(client: httpx.AsyncClient, path: str):
    headers = {"Content-Type": "application/json"}
    reply = await client.post(path, content=in_pieces(5 * LIMIT_BYTES), headers=headers)
    assert (reply.status_code, reply.headers["content-type"]) == (413, MEDIA_TYPE)


@pytest.mark.parametrize("length", ["-1", "many", "1e9", ""])
async def test_a_length_that_is_no_number_is_refused(client: httpx.AsyncClient, length: str):
    reply = await client.post("/raw", content=in_pieces(100), headers={"Content-Length": length})
    assert reply.status_code == 413


async def test_a_body_at_the_limit_is_taken(client: httpx.AsyncClient):
    assert (await client.post("/raw", content=b"x" * LIMIT_BYTES)).json() == LIMIT_BYTES
    assert (await client.post("/raw", content=in_pieces(LIMIT_BYTES))).json() == LIMIT_BYTES


async def test_security_25_an_answer_that_takes_too_long_is_a_504(client: httpx.AsyncClient):
    before = counted("/never", 504, "GET")
    reply = await client.get("/never")
    assert (reply.status_code, reply.headers["content-type"]) == (504, MEDIA_TYPE)
    assert counted("/never", 504, "GET") == before + 1


async def test_a_stream_that_has_begun_is_not_cut(client: httpx.AsyncClient):
    reply = await client.get("/stream")
    assert reply.status_code == 200
    assert reply.text.endswith("end")


async def test_requests_are_counted_by_route_and_not_by_path(client: httpx.AsyncClient):
    for number in range(3):
        await client.get(f"/nowhere/{number}")
    metrics = (await client.get("/metrics")).text
    assert (
        'forecourt_http_requests_total{method="GET",route="unmatched",service="kit-edge",status="404"} 3.0' in metrics
    )
    assert "/nowhere/1" not in metrics


async def test_a_bug_is_counted_as_a_500(client: httpx.AsyncClient):
    assert (await client.get("/bug")).status_code == 500
    assert counted("/bug", 500, "GET") == 1
