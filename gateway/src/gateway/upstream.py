"""One upstream service: bounded calls to it, its circuit breaker, and the few retries that are safe."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from yarl import URL

from gateway.breaker import Breaker, State
from gateway.routes import Retry
from gateway.settings import Settings
from servicekit.problems import Problem, Unavailable
from servicekit.telemetry import UPSTREAM_BREAKER_OPEN, UPSTREAM_CALLS, UPSTREAM_RETRIES, tracer

RETRY_PAUSE_SECONDS = 0.05
RETRY_STATUSES = frozenset({502, 503})
MAX_SAVED_RETRIES = 10.0
KEEP_ALIVE_SECONDS = 30.0
"""Less than the upstreams' own 75 s, so that they never close a connection that is just being used again."""
NO_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
TRACE_CONTEXT = TraceContextTextMapPropagator()
"""Only the trace goes on: baggage would be a client's own words among ours."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as an upstream gets it. `deadline` is the event loop's time by which the answer must be complete."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    retry: Retry
    deadline: float


class RetryBudget:
    """Lets retries be a share of all calls, so that they never multiply the load on an upstream that is down."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._saved = MAX_SAVED_RETRIES if share else 0.0

    def earn(self) -> None:
        """A call was made."""
        self._saved = min(MAX_SAVED_RETRIES, self._saved + self._share)

    def spend(self) -> bool:
        """Whether one more retry is within the budget."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


def make_session(settings: Settings) -> aiohttp.ClientSession:
    """The pooled client: it forwards what it gets, so no cookies, no decompression and no headers of its own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0, limit_per_host=settings.upstream_connections, keepalive_timeout=KEEP_ALIVE_SECONDS
        ),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout_seconds),
        cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, skip_auto_headers=NO_AUTOMATIC_HEADERS,
    )  # fmt: skip


class Upstream:
    """Calls to one service. A full queue or an open breaker costs the caller nothing but a 503."""

    def __init__(self, name: str, url: str, session: aiohttp.ClientSession, settings: Settings) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_open_seconds)
        self._answered = UPSTREAM_CALLS.labels(name, "answered")
        self._breaker_open = UPSTREAM_BREAKER_OPEN.labels(name)
        self._session = session
        self._budget = RetryBudget(settings.retry_share)
        self._slots = asyncio.Semaphore(settings.upstream_connections)
        self._waiting = 0
        self._max_waiting = settings.upstream_queue

    @asynccontextmanager
    async def send(self, call: Call) -> AsyncIterator[aiohttp.ClientResponse]:
        """The upstream's answer, its body not read yet.

        Raises Problem 503 without a call where the queue is full or the breaker open; aiohttp.ClientError, OSError
        where the upstream fails.
        """
        await self._take_slot()
        try:
            with tracer.start_as_current_span(call.method, kind=SpanKind.CLIENT, record_exception=False) as span:
                span.set_attribute("server.address", self.name)
                response = await self._respond(call)
                span.set_attribute("http.response.status_code", response.status)
                if response.status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                try:
                    yield response
                finally:
                    response.close()  # after a body read to its end the connection is back in the pool already
        finally:
            self._slots.release()

    async def _take_slot(self) -> None:
        if self._slots.locked() and self._waiting >= self._max_waiting:
            UPSTREAM_CALLS.labels(self.name, "queue_full").inc()
            raise Problem(503, "overloaded", "Too many requests wait for this; try again shortly.",
                          headers={"Retry-After": "1"})  # fmt: skip
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1

    async def _respond(self, call: Call) -> aiohttp.ClientResponse:
        """The answer to the call, or to its one retry."""
        self._budget.earn()
        try:
            response = await self._attempt(call)
        except (aiohttp.ClientConnectionError, OSError) as error:
            if not _may_repeat(call.retry, error) or not self._budget.spend():
                raise
        else:
            if call.retry is not Retry.SAFE or response.status not in RETRY_STATUSES or not self._budget.spend():
                return response
            response.close()
        UPSTREAM_RETRIES.labels(self.name).inc()
        await asyncio.sleep(RETRY_PAUSE_SECONDS)
        return await self._attempt(call)

    async def _attempt(self, call: Call) -> aiohttp.ClientResponse:
        clock = asyncio.get_running_loop().time
        ticket = self.breaker.enter(clock())
        if ticket is None:
            UPSTREAM_CALLS.labels(self.name, "breaker_open").inc()
            raise Unavailable(f"The {self.name} service", max(1, round(self.breaker.seconds_until_probe(clock()))))
        try:
            response = await self._request(call)
        except asyncio.CancelledError:
            if clock() >= call.deadline:
                self._failed(ticket, clock(), "timeout")
            else:
                self.breaker.abandon(ticket)
            raise
        except (aiohttp.ClientError, OSError) as error:
            self._failed(ticket, clock(), type(error).__name__)
            raise
        self.breaker.succeed(ticket)
        self._answered.inc()
        self._breaker_open.set(0)
        return response

    async def _request(self, call: Call) -> aiohttp.ClientResponse:
        headers = dict(call.headers)
        TRACE_CONTEXT.inject(headers)
        url = URL(self.url + call.target, encoded=True)
        return await self._session.request(call.method, url, headers=headers, data=call.body, allow_redirects=False)

    def _failed(self, ticket: int, now: float, outcome: str) -> None:
        self.breaker.fail(ticket, now)
        UPSTREAM_CALLS.labels(self.name, outcome).inc()
        self._breaker_open.set(self.breaker.state is State.OPEN)


def _may_repeat(retry: Retry, error: Exception) -> bool:
    return retry is Retry.SAFE or (retry is Retry.UNSENT and isinstance(error, aiohttp.ClientConnectorError))
