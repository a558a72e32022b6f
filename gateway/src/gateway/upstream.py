"""One upstream service: bounded calls to it, its circuit breaker, and the few retries that are safe."""

import asyncio
import time
from collections import deque
from typing import Any, Protocol

from gateway.breaker import Breaker, State
from gateway.pool import Caller, ConnectFailed, Connection, Pool, UpstreamError
from gateway.request import Header, Request
from gateway.routing import Retry
from gateway.settings import Settings
from gateway.wire import forwarded_request
from servicekit.problems import Problem, Unavailable
from servicekit.spans import SpanLog, SpanRecord, new_span_id
from servicekit.telemetry import UPSTREAM_BREAKER_OPEN, UPSTREAM_CALLS, UPSTREAM_RETRIES

RETRY_PAUSE_SECONDS = 0.05
RETRY_STATUSES = frozenset({502, 503})
MAX_SAVED_RETRIES = 10.0


class RetryBudget:
    """Lets retries be a share of all calls, so that they never multiply the load on an upstream that is down."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._saved = MAX_SAVED_RETRIES if share else 0.0

    def earn(self) -> None:
        """A call was made."""
        if self._saved < MAX_SAVED_RETRIES:
            self._saved = min(MAX_SAVED_RETRIES, self._saved + self._share)

    def spend(self) -> bool:
        """Whether one more retry is within the budget."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


class Receiver(Caller, Protocol):
    """Who hears of a call's answer."""

    def broke(self, error: UpstreamError | Problem) -> None:
        """There is no answer, or no more of it; a Problem where no call was made."""


class Upstream:
    """Calls to one service. A full queue or an open breaker costs the caller nothing but a 503."""

    def __init__(self, name: str, url: str, settings: Settings, spans: SpanLog, *, for_streams: bool = False) -> None:
        self.name = name
        self.pool = Pool(url, settings.connect_timeout_seconds)
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_open_seconds)
        self.spans = spans
        self.budget = RetryBudget(settings.retry_share)
        self._count_answered = UPSTREAM_CALLS.labels(name, "answered").inc
        self._breaker_open = UPSTREAM_BREAKER_OPEN.labels(name)
        self._free = settings.forwarded_streams if for_streams else settings.upstream_connections
        self._waiting: deque[Call] = deque()
        self._max_waiting = 0 if for_streams else settings.upstream_queue

    def send(self, call: "Call") -> None:
        """Begins a call now or when its turn comes. Problem 503 where too many wait."""
        if self._free > 0:
            self._free -= 1
            call.start()
        elif len(self._waiting) < self._max_waiting:
            self._waiting.append(call)
        else:
            self.count("queue_full")
            raise Problem(503, "overloaded", "Too many requests wait for this; try again shortly.",
                          headers={"Retry-After": "1"})  # fmt: skip

    def release(self, call: "Call") -> None:
        """The call is over: the longest waiting one takes its place."""
        if not call.started:
            self._waiting.remove(call)
        elif self._waiting:
            self._waiting.popleft().start_soon()
        else:
            self._free += 1

    def count(self, outcome: str) -> None:
        """A call ended, or was never made."""
        UPSTREAM_CALLS.labels(self.name, outcome).inc()

    def answered(self, ticket: int) -> None:
        """The upstream works."""
        before = self.breaker.state
        self.breaker.succeed(ticket)
        self._count_answered()
        if self.breaker.state is not before:
            self._breaker_open.set(0)

    def failed(self, ticket: int, now: float, outcome: str) -> None:
        """The upstream could not be reached, broke off or took too long."""
        self.breaker.fail(ticket, now)
        self.count(outcome)
        self._breaker_open.set(self.breaker.state is State.OPEN)


class Call:
    """One request to an upstream, and its one retry. The receiver hears of a single answer, or of why there is none.

    In order: `start`, `_attempt`, then `head`, `data`, `ended` or `broke` from the connection; `cancel` at any time.
    """

    __slots__ = (
        "_began_ns", "_connection", "_may_retry", "_method", "_pending", "_receiver", "_request", "_retry", "_span_id",
        "_status", "_ticket", "_trace", "_upstream", "started",
    )  # fmt: skip

    def __init__(self, upstream: Upstream, receiver: Receiver, request: Request, retry: Retry) -> None:
        self.started = False
        self._upstream = upstream
        self._receiver = receiver
        self._trace = request.trace
        self._method = request.method
        self._retry = retry
        self._may_retry = retry is not Retry.NEVER
        self._span_id = new_span_id()
        self._began_ns = 0
        self._status = 0
        pool = upstream.pool
        self._request = forwarded_request(request, pool.host, pool.prefix, self._trace.traceparent(self._span_id))
        self._connection: Connection | None = None
        self._pending: asyncio.Task[None] | asyncio.Handle | None = None
        self._ticket: int | None = None
        """The breaker's, while an attempt has no answer yet."""

    def start_soon(self) -> None:
        """Its turn has come. Not at once: a full queue that fails one after the other would be a deep recursion."""
        self.started = True
        self._pending = asyncio.get_running_loop().call_soon(self.start)

    def start(self) -> None:
        """Makes the first attempt."""
        self.started = True
        self._began_ns = time.time_ns()
        self._upstream.budget.earn()
        self._attempt()

    def pause(self) -> None:
        """The receiver has enough for now."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """The receiver can take more."""
        if self._connection is not None:
            self._connection.resume()

    def cancel(self, *, too_late: bool) -> None:
        """The receiver wants no answer any more: its client left, or the deadline passed."""
        if self._pending is not None:
            self._pending.cancel()
        if self._connection is not None:
            self._connection.leave()
        if self._ticket is not None and too_late:
            self._upstream.failed(self._ticket, time.monotonic(), "timeout")
        elif self._ticket is not None:
            self._upstream.breaker.abandon(self._ticket)
        self._finish(failed=too_late)

    def head(self, status: int, headers: list[Header], has_length: bool) -> None:
        """The connection's: the answer begins."""
        if self._ticket is not None:
            self._upstream.answered(self._ticket)
            self._ticket = None
        if status in RETRY_STATUSES and self._retry is Retry.SAFE and self._take_retry():
            self._connection, connection = None, self._connection
            if connection is not None:
                connection.leave()
            return self._try_again()
        self._status = status
        self._receiver.head(status, headers, has_length)

    def data(self, body: bytes) -> None:
        """The connection's."""
        self._receiver.data(body)

    def flush(self) -> None:
        """The connection's."""
        self._receiver.flush()

    def ended(self) -> None:
        """The connection's: the answer is whole."""
        self._connection = None
        self._finish(failed=self._status >= 500)
        self._receiver.ended()

    def broke(self, error: UpstreamError) -> None:
        """The connection's, or that none was made."""
        self._connection = None
        if self._ticket is not None:
            self._upstream.failed(self._ticket, time.monotonic(), error.outcome)
            self._ticket = None
        if not self._status and self._may_repeat(error) and self._take_retry():
            return self._try_again()
        self._give_up(error)

    def _attempt(self) -> None:
        self._pending = None
        breaker, now = self._upstream.breaker, time.monotonic()
        self._ticket = breaker.enter(now)
        if self._ticket is None:
            self._upstream.count("breaker_open")
            wait = max(1, round(breaker.seconds_until_probe(now)))
            return self._give_up(Unavailable(f"The {self._upstream.name} service", wait))
        connection = self._upstream.pool.take(now)
        if connection is None:
            self._pending = asyncio.create_task(self._connect())
        else:
            self._send(connection)

    async def _connect(self) -> None:
        try:
            connection = await self._upstream.pool.connect()
        except ConnectFailed as error:
            self._pending = None
            return self.broke(error)
        self._pending = None
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        self._connection = connection
        connection.send(self, self._request)

    def _may_repeat(self, error: UpstreamError) -> bool:
        return self._retry is Retry.SAFE or (self._retry is Retry.UNSENT and isinstance(error, ConnectFailed))

    def _take_retry(self) -> bool:
        taken = self._may_retry and self._upstream.budget.spend()
        self._may_retry = self._may_retry and not taken
        return taken

    def _try_again(self) -> None:
        UPSTREAM_RETRIES.labels(self._upstream.name).inc()
        self._pending = asyncio.get_running_loop().call_later(RETRY_PAUSE_SECONDS, self._attempt)

    def _give_up(self, error: UpstreamError | Problem) -> None:
        self._finish(failed=True)
        self._receiver.broke(error)

    def _finish(self, *, failed: bool) -> None:
        """Frees the place of this call, and records its span."""
        self._upstream.release(self)
        spans = self._upstream.spans
        if not self.started or not spans.wants(self._trace):
            return
        attributes: dict[str, Any] = {"server.address": self._upstream.name}
        if self._status:
            attributes["http.response.status_code"] = self._status
        trace, status = self._trace, "ERROR" if failed else "UNSET"
        spans.add(SpanRecord(self._method, trace.trace_id, self._span_id, trace.span_id, "CLIENT", self._began_ns,
                             time.time_ns(), status, attributes))  # fmt: skip
