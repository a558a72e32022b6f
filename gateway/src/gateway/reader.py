"""Requests out of the bytes of a client's connection, one at a time, each within its bounds."""

import asyncio
import logging
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.request import Request
from servicekit.problems import Problem
from servicekit.spans import SpanLog

log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 32 * 1024
MAX_DISCARDED_BYTES = 4 * 1024 * 1024
"""Of a body whose request is answered already, e.g. with 413."""


class RequestReader(HttpToolsProtocol):
    """uvicorn's connection with a reading of its own: `begin` gets a request when it may be answered.

    A further request waits until `next_request`, and the client's bytes wait with it.
    """

    parser: httptools.HttpRequestParser

    def __init__(self, *args: Any, spans: SpanLog, **options: Any) -> None:
        super().__init__(*args, **options)
        self._spans = spans
        self.current: Request | None = None
        """The request that is being answered."""
        self._parsed = Request("")
        """The request whose bytes are coming in."""
        self._pipelined: list[Request] = []
        self._head_bytes = 0
        self._address = ""

    def begin(self, request: Request) -> None:
        """The head of a request is here; sets `admitted` once its body is wanted."""
        raise NotImplementedError

    def dispatch(self, request: Request) -> None:
        """An admitted request is here with its whole body."""
        raise NotImplementedError

    def refuse(self, problem: Problem) -> None:
        """Answers the current request with a problem."""
        raise NotImplementedError

    def next_request(self) -> None:
        """The current request is answered, and the connection stays. A client that does not read gets no further."""
        self.current = None
        if self.flow.write_paused:
            self.flow.pause_reading()
        elif self._pipelined:
            self.current = following = self._pipelined.pop(0)
            self.loop.call_soon(self.begin, following)
        else:
            self.flow.resume_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        if self.current is None and not self.transport.is_closing():
            self.next_request()

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left, or we closed."""
        super().connection_lost(exc)
        self.current = None
        self._pipelined.clear()

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        was_in_head = self._head_bytes > 0
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # answered as any other request; then the connection closes
        except httptools.HttpParserCallbackError:
            log.exception("a request could not be handled")
            return self.transport.abort()
        except httptools.HttpParserError:
            return self._refuse_bytes(Problem(400, "malformed-request", "This is not a valid HTTP/1.1 request."))
        if was_in_head and self._head_bytes:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                detail = f"The headers are longer than {MAX_HEAD_BYTES:,} bytes; send less of them."
                self._refuse_bytes(Problem(431, "headers-too-large", detail))

    def on_message_begin(self) -> None:
        """A request begins."""
        self._parsed = Request(self._address)
        self.headers = self._parsed.headers
        self._head_bytes = 1

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        self._parsed.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole; without a body so is the request, and `on_message_complete` follows."""
        self._head_bytes = 0
        self.headers = []  # trailers must not become headers
        request, parser = self._parsed, self.parser
        request.named = named = dict(request.headers[::-1])
        request.has_body = b"content-length" in named or b"transfer-encoding" in named
        request.method = parser.get_method().decode("ascii")
        request.keep_alive = parser.should_keep_alive() and not parser.should_upgrade()
        if b"connection" in named or not request.keep_alive:  # else it is 1.1, whose connections stay by themselves
            request.version = parser.get_http_version()
            request.keep_alive = request.keep_alive and request.version == "1.1"
        request.trace = self._spans.begin(named.get(b"traceparent"), request.method)
        if request.has_body:
            self._take_turn(request)

    def _take_turn(self, request: Request) -> None:
        """The request begins now, or after the one before it."""
        if self.current is None and not self.flow.write_paused:
            self.current = request
            self.begin(request)
        else:
            self._pipelined.append(request)
            self.flow.pause_reading()

    def on_body(self, body: bytes) -> None:
        """A part of a body; what nobody wants any more is thrown away, up to a bound."""
        request = self._parsed
        request.received += len(body)
        if not request.answered and request.received <= request.body_limit:
            request.parts.append(body)
        elif not request.answered and request is self.current and request.admitted:
            self.refuse(request.too_large())
        elif request.received > MAX_DISCARDED_BYTES:
            self.transport.abort()

    def on_message_complete(self) -> None:
        """The body is whole."""
        request = self._parsed
        request.complete = True
        self._head_bytes = 0
        if not request.has_body:
            self._take_turn(request)
        elif request is self.current and request.admitted:
            self.dispatch(request)

    def _refuse_bytes(self, problem: Problem) -> None:
        """Nothing that follows can be read. A request that is being answered gets its answer nevertheless."""
        self.flow.pause_reading()
        request = self._parsed
        if self.current is not None and (self.current is not request or request.complete):
            self.current.keep_alive = False
        elif request.answered:
            self.transport.close()
        else:
            self.current = request
            request.keep_alive = False
            request.trace = self._spans.begin(None)
            self.refuse(problem)
