"""Hot reads: clients who ask for the same at the same time share one call to its service. docs/decisions/0011."""

import asyncio
from collections.abc import Callable

from gateway.answers import Answer
from gateway.pool import UpstreamError
from gateway.proxy import Client, Exchange, problem_of, too_late
from gateway.request import Header, Request
from gateway.routing import Route
from gateway.upstream import Call, Upstream
from servicekit.problems import Problem
from servicekit.telemetry import READS_SHARED

MAX_SHARED_BYTES = 2 * 1024 * 1024
MAX_WAITING = 5_000
"""Reads that wait for the same call."""
Key = tuple[str, bytes]
"""(path, query): what a row with `cache` answers depends on nothing else."""


class SharedReads:
    """The reads under way, by what they ask for.

    Nobody joins a call that has begun: its service may have read the data before the client asked, even before that
    client wrote. Who comes meanwhile waits, and all who wait share the next call. So each answer is as fresh as its
    own call would have been, and a service has at most one call for the same at a time.
    """

    def __init__(self) -> None:
        self._running: dict[Key, Flight] = {}
        self._waiting: dict[Key, list[SharedRead]] = {}

    def join(self, read: "SharedRead") -> None:
        """Answers the read by the next call for what it asks. Problem 503 where too many wait for that one."""
        if read.key not in self._running:
            return self._start(read.key, [read])
        waiting = self._waiting.setdefault(read.key, [])
        if len(waiting) >= MAX_WAITING:
            raise Problem(503, "overloaded", "Too many requests wait for this; try again shortly.",
                          headers={"Retry-After": "1"})  # fmt: skip
        waiting.append(read)

    def leave(self, read: "SharedRead", *, is_late: bool) -> None:
        """The read wants no answer any more."""
        waiting = self._waiting.get(read.key, [])
        if read in waiting:
            waiting.remove(read)
        else:
            self._running[read.key].leave(read, is_late=is_late)

    def _start(self, key: Key, reads: list["SharedRead"]) -> None:
        READS_SHARED.inc(len(reads) - 1)
        flight = self._running[key] = Flight(reads, lambda: self._next(key))
        flight.start()

    def _next(self, key: Key) -> None:
        """A call is over; those who waited for it share the next one."""
        del self._running[key]
        if waiting := self._waiting.pop(key, None):
            self._start(key, waiting)


class Flight:
    """One call whose whole answer goes to several reads."""

    def __init__(self, reads: list["SharedRead"], over: Callable[[], None]) -> None:
        self._upstream = reads[0].upstream
        self._reads = reads
        self._over = over
        self._status = 0
        self._headers: list[Header] = []
        self._body = bytearray()
        self._call = Call(self._upstream, self, reads[0].bare_request(), reads[0].route.retry)

    def start(self) -> None:
        """Begins the call."""
        try:
            self._upstream.send(self._call)
        except Problem as problem:
            self.broke(problem)

    def leave(self, read: "SharedRead", *, is_late: bool) -> None:
        """One read fewer; without any the call ends."""
        self._reads.remove(read)
        if not self._reads:
            self._call.cancel(too_late=is_late)
            self._end()

    def head(self, status: int, headers: list[Header], has_length: bool) -> None:
        """The upstream's answer begins."""
        self._status, self._headers = status, headers

    def data(self, body: bytes) -> None:
        """A piece of the body. What is too long to be kept whole each read gets by a call of its own."""
        self._body += body
        if len(self._body) > MAX_SHARED_BYTES and self._reads:
            reads, self._reads = self._reads, []
            self._call.cancel(too_late=False)
            self._end()
            for read in reads:
                read.go_alone()

    def flush(self) -> None:
        """Nothing leaves before the answer is whole."""

    def ended(self) -> None:
        """The answer is whole."""
        answer = Answer(self._status, self._headers, bytes(self._body))
        reads, self._reads = self._reads, []
        self._end()
        for read in reads:
            read.answer(answer)

    def broke(self, error: UpstreamError | Problem) -> None:
        """The upstream failed: so it did for all, and nobody keeps that."""
        reads, self._reads = self._reads, []
        self._end()
        for read in reads:
            read.fail(error)

    def _end(self) -> None:
        del self._call  # it knows us, too: a ring of objects would wait for the garbage collector
        self._over()


class SharedRead:
    """One client's part in a shared call; it ends as an `Exchange` does."""

    def __init__(self, client: Client, request: Request, route: Route, reads: SharedReads, upstream: Upstream) -> None:
        self.route = route
        self.upstream = upstream
        self.key: Key = (request.path, request.query)
        self._client = client
        self._request = request
        self._reads = reads
        self._alone: Exchange | None = None
        self._deadline = asyncio.get_running_loop().call_later(route.timeout_seconds, self._expire)

    def start(self) -> None:
        """Begins, or waits for its turn. Raises Problem 503 where too many do."""
        try:
            self._reads.join(self)
        except Problem:
            self._deadline.cancel()
            raise

    def bare_request(self) -> Request:
        """The request without headers: they are this client's own affair."""
        bare = Request(self._request.client)
        for name in ("method", "path", "query", "trace"):
            setattr(bare, name, getattr(self._request, name))
        return bare

    def cancel(self) -> None:
        """The client has left."""
        if self._alone is not None:
            return self._alone.cancel()
        self._deadline.cancel()
        self._reads.leave(self, is_late=False)

    def pause(self) -> None:
        """The client reads slowly: its answer is whole already, or waits with a bound."""
        if self._alone is not None:
            self._alone.pause()

    def resume(self) -> None:
        """The client can take more."""
        if self._alone is not None:
            self._alone.resume()

    def answer(self, answer: Answer) -> None:
        """The answer is whole."""
        self._deadline.cancel()
        cache, header = self.route.cache, self._request.header
        assert cache is not None  # noqa: S101 - rows without it are not shared
        form = answer.form(cache, header(b"accept-encoding"), header(b"if-none-match"))
        self._client.begin_answer(form.status, form.headers, has_length=True)
        self._client.write(form.body)
        self._client.finish()

    def fail(self, error: UpstreamError | Problem) -> None:
        """There is no answer."""
        self._deadline.cancel()
        self._client.refuse(problem_of(self.upstream.name, error))

    def go_alone(self) -> None:
        """The answer is too long to be shared."""
        self._deadline.cancel()
        self._alone = Exchange(self._client, self._request, self.route, self.upstream)
        try:
            self._alone.start()
        except Problem as problem:
            self._client.refuse(problem)

    def _expire(self) -> None:
        self._reads.leave(self, is_late=True)
        self._client.refuse(too_late(self.upstream.name, self.route))
