"""The services' side, byte by byte: answers of every framing, and answers that are none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pool import Connection, Pool, UpstreamError
from gateway.request import Header
from servicekit.testkit import eventually

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PATH = "/v1/prices"
AUTHORIZED = {"authorization": "none"}
"""Reads of somebody in particular are not shared, so they stream."""


class Script:
    """A service that answers its n-th request with the n-th of some bytes, and then with the last of them."""

    def __init__(self, *answers: bytes, close: bool = False) -> None:
        self._answers = answers
        self._close = close
        self.requests: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /openapi.json"):
                    break
                if writer not in self.writers:
                    self.writers.append(writer)
                self.requests.append(head)
                writer.write(self._answers[min(len(self.requests), len(self._answers)) - 1])
                if self._close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


@asynccontextmanager
async def running(script: Script) -> AsyncIterator[str]:
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in script.writers:
            writer.close()


@pytest.fixture
def behind(start_gateway):
    """`async with behind(script) as client:` for a gateway before the script."""

    @asynccontextmanager
    async def start(script: Script, **settings) -> AsyncIterator[aiohttp.ClientSession]:
        async with running(script) as url, start_gateway(pricing_url=url, **settings) as client:
            yield client

    return start


async def ask(client: aiohttp.ClientSession) -> tuple[int, bytes]:
    async with client.get(PATH, headers=AUTHORIZED) as response:
        return response.status, await response.read()


@pytest.mark.parametrize(
    ("answer", "close", "status", "body"),
    [
        (OK, False, 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length:2\r\n\r\nok", False, 200, b"ok"),
        (CHUNKED + b"1\r\no\r\n1;a=b\r\nk\r\n0\r\nx: y\r\n\r\n", False, 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nok", True, 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nok", True, 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", True, 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, False, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False, 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 70\r\netag: \"1\"\r\n\r\n", False, 304, b""),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", False, 404, b""),
    ],
)  # fmt: skip
async def test_every_framing_arrives(behind, answer: bytes, close: bool, status: int, body: bytes) -> None:
    script = Script(answer, close=close)
    async with behind(script) as client:
        assert [await ask(client) for _ in range(3)] == [(status, body)] * 3
    assert len(script.writers) == (3 if close else 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\ncontent-len", b"nonsense\r\n\r\n", b"\x00" * 99,
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_502(behind, answer: bytes) -> None:
    async with behind(Script(answer, close=True), retry_share=0) as client:
        status, body = await ask(client)
    assert status == 502
    assert b"bad-gateway" in body


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        CHUNKED + b"4\r\nhalf\r\n",
        CHUNKED + b"4\r\nhalf\r\nzz\r\n",
    ],
)
async def test_half_an_answer_never_looks_whole(behind, answer: bytes) -> None:
    async with behind(Script(answer, close=True)) as client, client.get(PATH, headers=AUTHORIZED) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


@pytest.mark.parametrize("surplus", [b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"\r\n\r\n\x00"])
async def test_more_than_one_answer_is_nobody_elses(behind, surplus: bytes) -> None:
    script = Script(OK + surplus, OK)
    async with behind(script) as client:
        assert [await ask(client) for _ in range(3)] == [(200, b"ok")] * 3


async def test_answer_that_nobody_asked_for_is_nobodys(behind) -> None:
    script = Script(OK)
    async with behind(script) as client:
        assert await ask(client) == (200, b"ok")
        script.writers[-1].write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await script.writers[-1].drain()

        async def is_left() -> bool:
            assert await ask(client) == (200, b"ok")
            return len(script.writers) > 1

        await eventually(is_left)


async def test_connection_that_a_service_closed_is_not_used_again(behind) -> None:
    script = Script(OK)
    async with behind(script, retry_share=0) as client:
        assert await ask(client) == (200, b"ok")
        script.writers[-1].close()
        await script.writers[-1].wait_closed()

        async def asks_anew() -> bool:
            return await ask(client) == (200, b"ok") and len(script.writers) == 2

        await eventually(asks_anew)


class Wire:
    """The transport of a connection whose other end is the test."""

    def __init__(self) -> None:
        self.closed = False

    def write(self, data: bytes) -> None:
        """Leads nowhere."""

    def abort(self) -> None:
        """The connection gave up."""
        self.closed = True

    close = abort

    def is_closing(self) -> bool:
        """Whether it did."""
        return self.closed


class Told:
    """What a caller hears."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.end: str | None = None

    def head(self, status: int, headers: list[Header], has_length: bool) -> None:
        """The answer begins."""
        assert not self.status
        self.status = status

    def data(self, body: bytes) -> None:
        """A piece."""
        assert self.end is None
        self.body += body

    def flush(self) -> None:
        """Nothing is kept back here."""

    def ended(self) -> None:
        """It is whole."""
        assert self.end is None
        self.end = "whole"

    def broke(self, error: UpstreamError) -> None:
        """It is not."""
        assert self.end is None
        self.end = "broken"


bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=5)


@given(bodies, st.booleans(), st.integers(0, 3), st.integers(0, 60), st.data())
def test_answer_is_the_same_however_it_is_cut(
    pieces: list[bytes], chunked: bool, interim: int, missing: int, data: st.DataObject
) -> None:  # fmt: skip
    body = b"".join(pieces)
    if chunked:
        framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        head = CHUNKED
    else:
        framed, head = body, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
    wire = b"HTTP/1.1 103 Early Hints\r\n\r\n" * interim + head + framed
    sent = wire[: max(0, len(wire) - missing)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    connection, told = Connection(Pool("http://127.0.0.1:1", 1.0)), Told()
    connection.connection_made(Wire())  # pyright: ignore[reportArgumentType]
    connection.send(told, b"")
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        if start < end:
            connection.data_received(sent[start:end])
    connection.connection_lost(None)
    assert told.end == ("whole" if sent == wire else "broken")
    assert body.startswith(told.body)
    assert told.body == body or told.end == "broken"


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_no_bytes_confuse_a_connection(received: list[bytes]) -> None:
    connection, told = Connection(Pool("http://127.0.0.1:1", 1.0)), Told()
    connection.connection_made(Wire())  # pyright: ignore[reportArgumentType]
    connection.send(told, b"")
    for data in received:
        connection.data_received(data)
    connection.connection_lost(None)
    assert told.end is not None
