"""Connections to one upstream: HTTP/1.1 with keep-alive, each with one call at a time."""

import asyncio
import ssl
import time
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

import httptools

from gateway.request import Header

KEEP_ALIVE_SECONDS = 30.0
"""Less than the upstreams' own 75 s, so that they never close a connection that is just being used again."""
MAX_HEAD_BYTES = 64 * 1024
BODYLESS = frozenset({204, 304})


class UpstreamError(Exception):
    """Why there is no answer, or no more of it; `outcome` names it in the metrics."""

    outcome: ClassVar[str]


class ConnectFailed(UpstreamError):
    """No connection was made, so nothing was sent."""

    outcome = "connect_failed"


class BrokenOff(UpstreamError):
    """The upstream closed the connection before its answer was whole, or sent what is no HTTP."""

    outcome = "broken_off"


class Caller(Protocol):
    """Who hears of an answer. `ended` or `broke` comes last, and just once."""

    def head(self, status: int, headers: list[Header], has_length: bool) -> None:
        """The answer begins; without a length its end is known only when it comes."""

    def data(self, body: bytes) -> None:
        """A piece of the body."""

    def flush(self) -> None:
        """What has come by now may wait no longer."""

    def ended(self) -> None:
        """The answer is whole."""

    def broke(self, error: UpstreamError) -> None:
        """There will be no more of it."""


class Connection(asyncio.Protocol):
    """One connection to an upstream."""

    transport: asyncio.Transport

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._caller: Caller | None = None
        self._reusable = True
        self._is_paused = False
        self.idle_since = 0.0

    def send(self, caller: Caller, request: bytes) -> None:
        """Sends a request; its caller hears of the answer."""
        self._caller = caller
        self._status = self._head_bytes = 0
        self._complete = False
        self.transport.write(request)

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self._caller = None
        self._reusable = False
        self.transport.abort()

    def pause(self) -> None:
        """Reads no more until `resume`; what was read already still comes."""
        if not self._is_paused and not self.transport.is_closing():
            self._is_paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Reads on."""
        if self._is_paused and not self.transport.is_closing():
            self.transport.resume_reading()
        self._is_paused = False

    def is_usable(self, now: float) -> bool:
        """Whether the next call may go this way."""
        return self._reusable and not self.transport.is_closing() and now - self.idle_since < KEEP_ALIVE_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._pool.opened(self)
        self.transport = transport  # pyright: ignore[reportAttributeAccessIssue] - a stream's is no other

    def data_received(self, data: bytes) -> None:
        """asyncio's. The call ends after all of `data` is parsed, so that no rest of it can become the next one's."""
        if self._caller is None:
            return self.leave()  # an answer that nobody asked for
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._reusable = False
            if not self._complete:
                return self._break(f"its answer is not valid HTTP: {error}")
        if self._complete:
            self._end()
        elif self._caller is not None:
            self._caller.flush()
            self._bound_head(len(data))

    def eof_received(self) -> None:
        """asyncio's: the upstream will send no more, and the transport closes itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self._reusable = False
        self._pool.forget(self)
        if self._caller is None:
            return
        if exc is None and self._status and self._until_closed:
            self._end()
        else:
            self._break("it closed the connection")

    def _bound_head(self, received: int) -> None:
        self._head_bytes += received
        if self._status == 0 and self._head_bytes > MAX_HEAD_BYTES:
            self._break("its headers do not end")

    def _end(self) -> None:
        caller, self._caller = self._caller, None
        if self._reusable:
            self.resume()
            self._pool.put_back(self)
        else:
            self.transport.close()
        if caller is not None:
            caller.ended()

    def _break(self, why: str) -> None:
        caller = self._caller
        self.leave()
        if caller is not None:
            caller.broke(BrokenOff(why))

    def on_message_begin(self) -> None:
        """The parser's: more than one answer to one request ends the trust in this connection."""
        self._reusable = self._reusable and not self._complete
        self._headers: list[Header] = []
        self._has_length = self._is_chunked = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's."""
        name = name.lower()
        if name == b"content-length":
            self._has_length = True
        elif name == b"transfer-encoding":
            self._is_chunked = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The parser's."""
        status = self._parser.get_status_code()
        if status < 200 or self._complete:
            return  # an interim answer; the real one follows
        self._status = status
        headers, self._headers = self._headers, []  # trailers would come into the new list, and pass no further
        bodyless = status in BODYLESS
        self._until_closed = not (self._has_length or self._is_chunked or bodyless)
        self._reusable = self._reusable and self._parser.should_keep_alive() and not self._until_closed
        if self._caller is not None:
            self._caller.head(status, headers, self._has_length or bodyless)

    def on_body(self, body: bytes) -> None:
        """The parser's."""
        if self._caller is not None and not self._complete:
            self._caller.data(body)

    def on_message_complete(self) -> None:
        """The parser's."""
        self._complete = self._status != 0


class Pool:
    """The open connections to one upstream. How many there are is up to who takes them."""

    def __init__(self, url: str, connect_timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc.encode()
        self.prefix = parts.path.rstrip("/").encode()
        """What comes before each path."""
        self._name = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._connect_timeout_seconds = connect_timeout_seconds
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()

    def take(self, now: float) -> Connection | None:
        """An idle connection, the one used last: the others can then grow old. None where a new one is needed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable(now):
                return connection
            connection.leave()
        return None

    async def connect(self) -> Connection:
        """A new connection. Raises ConnectFailed."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout_seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(self), self._name, self._port, ssl=self._tls
                )
        except OSError as error:  # TimeoutError is one
            raise ConnectFailed(str(error) or "the connection took too long") from error
        return connection

    def opened(self, connection: Connection) -> None:
        """The connection is made."""
        self._open.add(connection)

    def put_back(self, connection: Connection) -> None:
        """The connection is free for the next call."""
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """The connection is closed."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def close_old(self, now: float) -> None:
        """Closes what was idle for long."""
        for connection in [one for one in self._idle if not one.is_usable(now)]:
            connection.leave()

    def close(self) -> None:
        """Closes everything."""
        for connection in list(self._open):
            connection.leave()
