"""One client's connection: reads its requests one by one, has each admitted, and answers it."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.door import Door
from gateway.meter import Meter
from gateway.proxy import Exchange, StreamExchange
from gateway.reader import RequestReader
from gateway.reads import SharedRead, SharedReads
from gateway.request import Header, Request
from gateway.streams import Stream, StreamConnection
from gateway.upstream import Upstream
from gateway.wire import answer_head, problem_answer
from servicekit.problems import Problem
from servicekit.spans import SpanLog

log = logging.getLogger(__name__)

IDLE_SECONDS = 75.0
HAND_OVER = "forecourt.hand_over"
"""The ASGI extension by which an answer of the app leaves ASGI: see `ClientConnection.hand_over`."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True)
class Shared:
    """What all connections share."""

    door: Door
    upstreams: Mapping[str, Upstream]
    streams: Mapping[str, Upstream]
    """The same services again, for answers without end: they take nobody else's place."""
    stream_silence_seconds: float
    reads: SharedReads
    meter: Meter
    spans: SpanLog
    connections: "set[ClientConnection]" = field(default_factory=set)


class ClientConnection(RequestReader):
    """uvicorn's connection, which serves the gateway's own routes, with a short way for all that is forwarded.

    A request goes `begin` (the door) -> `_admitted` -> `dispatch` (its body is whole) -> `Exchange` or the ASGI app ->
    `finish`, `refuse` or `cut`.
    """

    def __init__(self, *args: Any, shared: Shared, **options: Any) -> None:
        super().__init__(*args, spans=shared.spans, **options)
        self._shared = shared
        self._exchange: Exchange | SharedRead | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._out: list[bytes] = []
        self._status = 0
        self._is_draining = False
        self._idle_since = time.monotonic()
        shared.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left, or we closed."""
        self._shared.connections.discard(self)
        super().connection_lost(exc)
        self._stop_body_timer()
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.cancel()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        if self._exchange is not None:
            self._exchange.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._exchange is not None:
            self._exchange.resume()
        super().resume_writing()

    def shutdown(self) -> None:
        """uvicorn's: no further request is taken; what runs may finish."""
        self._is_draining = True
        if self.cycle is not None:
            self.cycle.keep_alive = False
        if self.current is None:
            self.transport.close()
        elif isinstance(self._exchange, StreamExchange):
            self._exchange.complete()

    def close_if_idle(self, now: float) -> None:
        """Ends a connection on which nothing is asked, or nothing is read, for long."""
        if self.current is None and now - self._idle_since > IDLE_SECONDS:
            self.transport.abort()

    # the way of a request

    def begin(self, request: Request) -> None:
        """Finds the route and checks the caller."""
        if self.transport.is_closing():
            return
        try:
            request.split_url()
            later = self._shared.door.admit(request)
        except Problem as problem:
            return self.refuse(problem)
        if later is None:
            self._admitted(request)
        else:
            task = self.loop.create_task(self._admit_later(request, later))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _admit_later(self, request: Request, later: Coroutine[Any, Any, None]) -> None:
        """The check of a token that is new here may have to fetch keys."""
        problem = None
        try:
            await later
        except Problem as known:
            problem = known
        except Exception:
            log.exception("unhandled error", extra={"trace_id": request.trace.trace_id})
            problem = Problem(500, "internal-error", "Something went wrong here. Quote the trace id.")
        if request is not self.current:
            return  # the client has left meanwhile
        if problem is None:
            self._admitted(request)
        else:
            self.refuse(problem)

    def _admitted(self, request: Request) -> None:
        """Asks for the rest of the body, where there is one."""
        request.admitted = True
        if not request.has_body:
            self.dispatch(request)
        elif max(request.received, request.declared_bytes()) > request.body_limit:
            self.refuse(request.too_large())
        elif request.complete:
            self.dispatch(request)
        else:
            self._wait_for_body(request)

    def _wait_for_body(self, request: Request) -> None:
        if request.expects_continue():
            self.transport.write(CONTINUE)
        seconds = request.route.timeout_seconds if request.route is not None else IDLE_SECONDS
        self._body_timer = self.loop.call_later(seconds, self._give_up_body)

    def _give_up_body(self) -> None:
        self.request.keep_alive = False
        self.refuse(Problem(408, "body-too-slow", "The body did not arrive in time; send it again."))

    def _stop_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
        self._body_timer = None

    def dispatch(self, request: Request) -> None:
        """Forwards the request, or lets the ASGI app answer it."""
        if self._body_timer is not None:
            self._stop_body_timer()
        route = request.route
        if route is None or route.upstream is None:
            return self._serve_own(request)
        upstream = self._shared.upstreams[route.upstream]
        if route.cache is not None and request.header(b"authorization") is None:
            self._exchange = SharedRead(self, request, route, self._shared.reads, upstream)
        elif route.stream:
            streams = self._shared.streams[route.upstream]
            self._exchange = StreamExchange(self, request, route, streams, self._shared.stream_silence_seconds)
        else:
            self._exchange = Exchange(self, request, route, upstream)
        try:
            self._exchange.start()
        except Problem as problem:
            self.refuse(problem)

    def _serve_own(self, request: Request) -> None:
        """Hands a request to the ASGI app; its answer ends in `on_response_complete`."""
        scope: Any = {
            "type": "http", "asgi": {"version": self.asgi_version, "spec_version": "2.3"}, "scheme": "http",
            "http_version": request.version, "server": self.server,
            "client": (request.client, 0) if request.client else None,
            "root_path": "", "headers": request.headers, "state": self.app_state.copy(), "method": request.method,
            "path": request.path, "raw_path": request.url.partition(b"?")[0], "query_string": request.query,
            "extensions": {HAND_OVER: self.hand_over},
        }  # fmt: skip
        self.cycle = RequestResponseCycle(
            scope=scope, transport=self.transport, flow=self.flow, logger=self.logger, access_logger=self.access_logger,
            access_log=False, default_headers=self.server_state.default_headers, message_event=asyncio.Event(),
            expect_100_continue=False, keep_alive=request.keep_alive and not self._is_draining,
            on_response=self.on_response_complete,
        )  # fmt: skip
        self.cycle.more_body = False
        self.cycle.message_event.set()
        self._start_asgi_task(self.cycle, cast(ASGI3Application, self.app))

    def on_response_complete(self) -> None:
        """The ASGI app has answered."""
        self._free()

    def hand_over(self, stream: Stream) -> None:
        """Leaves the connection to the stream, whose head the app has sent, and everything of HTTP behind."""
        if self.current is None or self.transport.is_closing():
            return stream.closed()
        self.cycle.disconnected = True  # for the app the answer is over
        self.cycle = self.current = None  # pyright: ignore[reportAttributeAccessIssue] - as before the first request
        self._shared.connections.discard(self)
        self.connections.discard(self)
        self.flow.resume_reading()  # to hear when the client leaves
        self.transport.set_protocol(StreamConnection(self.transport, stream, self.connections))

    # the answer

    @property
    def request(self) -> Request:
        """The request that is being answered."""
        if self.current is None:
            raise RuntimeError("there is no request to answer")
        return self.current

    def begin_answer(self, status: int, headers: list[Header], *, has_length: bool) -> bool:
        """Writes the head; returns whether the body is to be chunked. Without either its end is the connection's."""
        request = self.request
        self._status = status
        chunked = not has_length and request.version == "1.1"
        request.keep_alive = request.keep_alive and not self._is_draining and (has_length or chunked)
        more = self.server_state.default_headers
        self._out.append(answer_head(request, status, headers, more, chunked=chunked, close=not request.keep_alive))
        return chunked

    def write(self, data: bytes) -> None:
        """Bytes of the answer, which leave with the next `flush`."""
        self._out.append(data)

    def flush(self) -> None:
        """Sends what was written."""
        if self._out:
            self.transport.write(b"".join(self._out))
            self._out.clear()

    def finish(self) -> None:
        """The answer is complete."""
        self.flush()
        self._shared.meter.record(self.request, self._status)
        self._free()

    def refuse(self, problem: Problem) -> None:
        """Answers with a problem."""
        self._exchange = None
        request = self.request
        if not request.complete and request.expects_continue():
            request.keep_alive = False  # nobody knows whether the next bytes are the body or another request
        headers, body = problem_answer(problem, request.trace.trace_id)
        self.begin_answer(problem.status, headers, has_length=True)
        if request.method != "HEAD":
            self.write(body)
        self.finish()

    def cut(self) -> None:
        """The answer stays incomplete. A client that reads slowly is not waited for."""
        self._shared.meter.record(self.request, self._status, cut=True)
        self.flush()
        self.current = self._exchange = None
        if self.flow.write_paused:
            self.transport.abort()
        else:
            self.transport.close()
            self._idle_since = time.monotonic()

    def _free(self) -> None:
        """The connection is free for the next request, or closes."""
        request = self.request
        request.answered = True
        self.current = self._exchange = None
        if self._body_timer is not None:
            self._stop_body_timer()
        self._idle_since = time.monotonic()
        if not request.keep_alive or self._is_draining:
            self.transport.close()
        else:
            self.next_request()
