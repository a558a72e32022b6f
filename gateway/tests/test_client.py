"""The client's side, byte by byte: what one may send, what one may not, and what happens to a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from servicekit.testkit import Issuer, eventually

READ = b"GET /v1/prices?n=%d HTTP/1.1\r\nhost: x\r\n\r\n"
WRITE = b"POST /v1/oauth/token HTTP/1.1\r\nhost: x\r\n"


class Raw:
    """A connection without a client library."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self.writer.write(data)

    async def head(self) -> bytes:
        """The next answer's head in lower case."""
        return (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 15)).lower()

    async def answer(self) -> tuple[int, bytes, bytes]:
        """The next answer with a length: (status, head in lower case, body)."""
        head = await self.head()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        return int(head.split()[1]), head, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """All until the end of the connection."""
        return await asyncio.wait_for(self.reader.read(), 15)


@asynccontextmanager
async def raw(client: aiohttp.ClientSession) -> AsyncIterator[Raw]:
    async with client.get("/healthz") as response:
        address = response.url
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def test_pipelined_requests_are_answered_in_order(service, start_gateway) -> None:
    release = asyncio.Event()

    async def first_waits(request: web.Request) -> web.Response:
        if request.query["n"] == "1":
            await release.wait()
        return web.Response(text=request.query["n"])

    service.handler = first_waits
    async with start_gateway() as client, raw(client) as connection:
        refused, own = b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /docs HTTP/1.1\r\nhost: x\r\n\r\n"
        connection.send(READ % 1 + refused + READ % 2 + own + READ % 3)
        release.set()
        answers = [await connection.answer() for _ in range(5)]
    assert [status for status, _, _ in answers] == [200, 404, 200, 200, 200]
    assert [answers[n][2] for n in (0, 2, 4)] == [b"1", b"2", b"3"]
    assert len({head.partition(b"trace-id: ")[2][:32] for _, head, _ in answers}) == 5


@pytest.mark.parametrize(
    "request_bytes",
    [
        WRITE + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        WRITE + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        WRITE + b"content-length: -1\r\n\r\n",
        WRITE + b"content-length: 3x\r\n\r\nabc",
        WRITE + b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        WRITE + b"transfer-encoding: gzip\r\n\r\nabc",
        WRITE + b"bad header: x\r\n\r\n",
        WRITE + b"x: a\r\n b\x00\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /v1/prices?\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /v1/%ff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1",
    ],
)
async def test_what_is_no_request_gets_400_and_goes_no_further(service, start_gateway, request_bytes: bytes) -> None:
    async with start_gateway() as client, raw(client) as connection:
        connection.send(request_bytes)
        status, head, body = await connection.answer()
    assert status == 400
    assert b"content-type: application/problem+json" in head
    assert b'"trace_id":"' + head.partition(b"trace-id: ")[2][:32] in body
    assert service.requests == []


async def test_half_a_request_after_a_whole_one_takes_nothing_from_it(service, start_gateway) -> None:
    async with start_gateway() as client, raw(client) as connection:
        connection.send(READ % 1 + b"nonsense \x00\r\n\r\n")
        status, head, _ = await connection.answer()
        assert (status, b"connection: close" in head) == (200, True)
        assert await connection.rest() == b""


async def test_chunked_body_arrives_counted_and_without_its_trailers(service, start_gateway) -> None:
    async with start_gateway() as client, raw(client) as connection:
        chunks = b"3\r\na=b\r\n2;x=y\r\n&c\r\n0\r\nauthorization: Basic eDp5\r\n\r\n"
        connection.send(WRITE + b"transfer-encoding: chunked\r\n\r\n" + chunks + READ % 1)
        assert [(await connection.answer())[0] for _ in range(2)] == [200, 200]
    assert service.requests[0].headers["content-length"] == "5"
    assert "transfer-encoding" not in service.requests[0].headers
    assert "authorization" not in service.requests[0].headers


async def test_body_that_waits_to_be_asked_for(service, start_gateway) -> None:
    expecting = WRITE + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n"
    async with start_gateway() as client, raw(client) as connection:
        connection.send(expecting % 3)
        assert await connection.head() == b"http/1.1 100 continue\r\n\r\n"
        connection.send(b"a=b")
        assert (await connection.answer())[0] == 200
        connection.send(expecting % 99_999)
        status, head, _ = await connection.answer()
        assert (status, b"connection: close" in head) == (413, True), "the next bytes may be the body or a request"
        assert await connection.rest() == b""


async def test_refused_body_is_thrown_away_and_the_connection_stays(service, start_gateway) -> None:
    async with start_gateway() as client, raw(client) as connection:
        connection.send(b"POST /v1/price-reports HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        assert (await connection.answer())[0] == 401
        connection.send(b"x" * 100_000 + READ % 1)
        assert (await connection.answer())[0] == 200
    assert len(service.requests) == 1


async def test_body_without_end_is_not_thrown_away_for_ever(service, start_gateway) -> None:
    async with start_gateway() as client, raw(client) as connection:
        connection.send(b"POST /v1/price-reports HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        assert (await connection.answer())[0] == 401
        with pytest.raises(ConnectionError):
            await send_chunks_without_end(connection)


async def send_chunks_without_end(connection: Raw) -> None:
    while True:
        connection.send(b"20000\r\n" + b"x" * 0x20000 + b"\r\n")
        await connection.writer.drain()


@pytest.mark.parametrize("with_length", [True, False])
async def test_old_client_gets_no_chunks(service, start_gateway, with_length: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if with_length:
            response.content_length = 4
        await response.prepare(request)
        await response.write(b"body")
        return response

    service.handler = answer
    async with start_gateway() as client, raw(client) as connection:
        connection.send(b"GET /v1/stations/1/pumps HTTP/1.0\r\nauthorization: x\r\n\r\n")
        head = await connection.head()
        assert b"connection: close" in head
        assert b"transfer-encoding" not in head
        assert await connection.rest() == b"body"


async def test_answer_to_head_has_no_body(service, start_gateway) -> None:
    async with start_gateway() as client, raw(client) as connection:
        connection.send(b"HEAD /v1/prices HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b" 405 " in await connection.head()
        connection.send(READ % 1)
        assert (await connection.answer())[0] == 200


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
async def test_upgrade_is_not_taken_up(service, start_gateway, upgrade: bytes) -> None:
    async with start_gateway() as client, raw(client) as connection:
        connection.send(
            b"GET /v1/prices HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: " + upgrade + b"\r\n\r\n"
        )
        status, head, _ = await connection.answer()
        assert (status, b"connection: close" in head) == (200, True)
        assert await connection.rest() == b""


async def test_security_25_headers_without_end_are_given_up(service, start_gateway) -> None:
    async with start_gateway() as client, raw(client) as connection:
        connection.send(b"GET /v1/prices HTTP/1.1\r\nhost: x\r\nx: ")
        await connection.writer.drain()

        async def refused() -> bool:
            connection.send(b"y" * 8_192)
            return not connection.reader.at_eof() and b" 431 " in connection.reader._buffer  # type: ignore[attr-defined]

        await eventually(refused)
    assert service.requests == []


async def test_idle_connection_is_closed(service, start_gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.client.IDLE_SECONDS", 0.05)
    monkeypatch.setattr("gateway.main.SWEEP_SECONDS", 0.02)
    async with start_gateway() as client, raw(client) as connection:
        assert await connection.rest() == b""


async def test_slow_client_slows_the_service(service, start_gateway) -> None:
    piece, pieces, written = b"x" * 1_000_000, 64, 0

    async def large(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(pieces):
            await response.write(piece)
            written += 1
        return response

    service.handler = large
    async with start_gateway() as client, raw(client) as connection:
        connection.send(
            b"GET /v1/stations/1/pumps HTTP/1.1\r\nhost: x\r\nauthorization: x\r\nconnection: close\r\n\r\n"
        )
        await connection.head()

        async def stands_still(before: list[int] = [-1]) -> bool:  # noqa: B006 - remembers between the looks
            still, before[0] = written == before[0], written
            return still and written > 0

        await eventually(stands_still)
        assert written < pieces, "what nobody reads has to wait at the service"
        body = await connection.rest()
    assert body.count(b"x") == len(piece) * pieces
    assert body.endswith(b"0\r\n\r\n")


async def test_client_that_asks_and_does_not_read_gets_no_further(service, start_gateway) -> None:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 200_000)

    service.handler = large
    requests = 200
    async with start_gateway() as client, raw(client) as connection:
        connection.send(((READ % 1)[:-2] + b"authorization: x\r\n\r\n") * requests)

        async def stands_still(before: list[int] = [-1]) -> bool:  # noqa: B006 - remembers between the looks
            still, before[0] = len(service.requests) == before[0], len(service.requests)
            return still and before[0] > 0

        await eventually(stands_still)
        assert len(service.requests) < requests, "answers that nobody reads must not pile up"
        for _ in range(requests):
            assert len((await connection.answer())[2]) == 200_000


async def test_running_request_is_answered_before_the_gateway_stops(service, start_gateway, issuer: Issuer) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def waits(_: web.Request) -> web.Response:
        began.set()
        await release.wait()
        return web.Response(text="done")

    service.handler = waits
    async with aiohttp.ClientSession() as outsider:
        async with start_gateway() as client, client.get("/healthz") as health:
            asked = asyncio.create_task(outsider.get(health.url.with_path("/v1/prices")))
            await began.wait()
            asyncio.get_running_loop().call_later(0.2, release.set)
        response = await asked
        assert (response.status, await response.text()) == (200, "done")
        assert response.headers["connection"] == "close"
