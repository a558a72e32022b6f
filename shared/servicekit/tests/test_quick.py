"""Reads before the app: successes are answered, counted and traced; all else is the app's."""

from typing import Any

import httpx
import pytest
from fastapi import Response
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from pydantic import BaseModel, ConfigDict, ValidationError

from servicekit.quick import QuickApp, QuickReads, read_query
from servicekit.spans import SpanLog, SpanRecord
from servicekit.telemetry import REQUESTS

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


class Query(BaseModel):
    """What the quick route takes."""

    model_config = ConfigDict(extra="forbid")

    number: int
    name: list[str] = []


def answer(query_string: bytes) -> bytes:
    """Fails for every wrong number, by any error."""
    query = read_query(Query, query_string)
    return b"%d" % (100 // query.number)


@pytest.fixture
def written() -> list[SpanRecord]:
    return []


@pytest.fixture
def app(written: list[SpanRecord]) -> QuickApp:
    app = QuickApp()

    @app.get("/quick")
    async def slow() -> Response:
        return Response(b'"the app"', 418)

    app.quick = QuickReads("tests", 1, SpanLog("tests", DEFAULT_ON, written.extend), {"/quick": answer})
    return app


async def ask(app: QuickApp, method: str, url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.request(method, url, headers=headers)


def counted() -> float:
    return REQUESTS.labels("tests", "GET", "/quick", 200)._value.get()


async def test_a_success_is_answered_counted_and_traced(app: QuickApp, written: list[SpanRecord]) -> None:
    before = counted()
    reply = await ask(app, "GET", "/quick?number=4", traceparent=TRACEPARENT)
    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, b"25", "application/json")
    assert counted() == before + 1
    assert app.quick is not None
    app.quick._spans.close()
    (span,) = written
    assert (span.trace_id, span.parent_id, span.name) == (TRACE_ID, TRACEPARENT[36:52], "GET /quick")
    assert span.attributes["url.query"] == "number=4"


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "/quick?number=x"), ("GET", "/quick?number=0"), ("GET", "/quick"), ("GET", "/quick?number=1&more=2")],
)
async def test_whatever_fails_is_the_apps(app: QuickApp, method: str, url: str, written: list[SpanRecord]) -> None:
    before = counted()
    reply = await ask(app, method, url)
    assert (reply.status_code, reply.content) == (418, b'"the app"')
    assert (counted(), written) == (before, [])


async def test_other_methods_and_paths_are_the_apps(app: QuickApp) -> None:
    assert (await ask(app, "POST", "/quick?number=4")).status_code == 405
    assert (await ask(app, "GET", "/quick/?number=4")).status_code in {307, 404}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"number=1&number=2", {"number": 2, "name": []}),
        (b"number=1&name=a&name=b%20c", {"number": 1, "name": ["a", "b c"]}),
        (b"number=+1&name=", {"number": 1, "name": [""]}),
        (b"number=1&name=%C3%9F", {"number": 1, "name": ["\u00df"]}),
    ],
)
def test_a_query_is_read_as_fastapi_reads_it(query: bytes, expected: dict[str, Any]) -> None:
    assert read_query(Query, query).model_dump() == expected


@pytest.mark.parametrize("query", [b"", b"number", b"number=1&other=2"])
def test_a_wrong_query_is_an_error(query: bytes) -> None:
    with pytest.raises(ValidationError):
        read_query(Query, query)
