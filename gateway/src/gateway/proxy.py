"""Carries one request to its upstream and the answer back, changing nothing but what must not pass."""

import asyncio
import logging
from typing import Protocol

from gateway.pool import ConnectFailed, UpstreamError
from gateway.request import Header, Request
from gateway.routing import Route
from gateway.upstream import Call, Upstream
from gateway.wire import LAST_CHUNK, chunk
from servicekit.problems import Problem, Unavailable

log = logging.getLogger(__name__)


class Client(Protocol):
    """What an exchange needs of the client's connection."""

    loop: asyncio.AbstractEventLoop

    def begin_answer(self, status: int, headers: list[Header], *, has_length: bool) -> bool:
        """Writes the head; returns whether the body is to be chunked."""
        ...

    def refuse(self, problem: Problem) -> None:
        """Answers with a problem."""

    def write(self, data: bytes) -> None:
        """Bytes of the answer, which leave with the next `flush` or `finish`."""

    def flush(self) -> None:
        """Sends what was written."""

    def finish(self) -> None:
        """The answer is complete."""

    def cut(self) -> None:
        """The answer stays incomplete, and must be seen to be."""


class Exchange:
    """One request and its answer, between a client and an upstream.

    Whatever comes first ends it: the whole answer, a failure, the deadline, or the client's leaving (`cancel`).
    """

    __slots__ = ("_begun", "_call", "_chunked", "_client", "_deadline", "_request", "_route", "_upstream")

    def __init__(self, client: Client, request: Request, route: Route, upstream: Upstream) -> None:
        self._client = client
        self._request = request
        self._route = route
        self._upstream = upstream
        self._begun = False
        self._chunked = False
        self._call = Call(upstream, self, request, route.retry)
        self._deadline = client.loop.call_later(route.timeout_seconds, self._expire)

    def start(self) -> None:
        """Begins. Raises Problem 503 where too many requests wait for the upstream."""
        try:
            self._upstream.send(self._call)
        except Problem:
            self._end()
            raise

    def cancel(self) -> None:
        """The client has left."""
        self._call.cancel(too_late=False)
        self._end()

    def pause(self) -> None:
        """The client reads slowly, so the upstream has to wait."""
        self._call.pause()

    def resume(self) -> None:
        """The client can take more."""
        self._call.resume()

    def head(self, status: int, headers: list[Header], has_length: bool) -> None:
        """The upstream's answer begins."""
        self._begun = True
        self._chunked = self._client.begin_answer(status, headers, has_length=has_length)

    def data(self, body: bytes) -> None:
        """A piece of the body."""
        self._client.write(chunk(body) if self._chunked else body)

    def flush(self) -> None:
        """What came with one packet leaves with one."""
        self._client.flush()

    def ended(self) -> None:
        """The answer is whole."""
        self._end()
        if self._chunked:
            self._client.write(LAST_CHUNK)
        self._client.finish()

    def broke(self, error: UpstreamError | Problem) -> None:
        """The upstream failed: a problem while nothing is sent yet; afterwards half an answer must not look whole."""
        self._end()
        if not self._begun:
            return self._client.refuse(problem_of(self._upstream.name, error))
        log.warning(
            "answer cut off",
            extra={
                "upstream": self._upstream.name, "route": self._route.path, "error": repr(error),
                "trace_id": self._request.trace.trace_id,
            },
        )  # fmt: skip
        self._client.cut()

    def _expire(self) -> None:
        self._call.cancel(too_late=True)
        self.broke(too_late(self._upstream.name, self._route))

    def _end(self) -> None:
        self._deadline.cancel()
        del self._call  # it knows us, too: a ring of objects would wait for the garbage collector


class StreamExchange(Exchange):
    """An answer without end. Once it has begun its deadline is that something comes, a heartbeat at least."""

    __slots__ = ("_silence_seconds",)

    def __init__(
        self, client: Client, request: Request, route: Route, upstream: Upstream, silence_seconds: float
    ) -> None:
        super().__init__(client, request, route, upstream)
        self._silence_seconds = silence_seconds

    def head(self, status: int, headers: list[Header], has_length: bool) -> None:
        """The stream begins, or is refused."""
        self._wait_anew()
        super().head(status, headers, has_length)

    def data(self, body: bytes) -> None:
        """Something came."""
        self._wait_anew()
        super().data(body)

    def complete(self) -> None:
        """The gateway stops: the client can go on elsewhere."""
        self._call.cancel(too_late=False)
        if self._begun:
            return self.ended()
        self.broke(Unavailable("The gateway"))

    def _wait_anew(self) -> None:
        self._deadline.cancel()
        self._deadline = self._client.loop.call_later(self._silence_seconds, self._expire)


def problem_of(upstream: str, error: UpstreamError | Problem) -> Problem:
    """What the client sees of an upstream's failure."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ConnectFailed):
        return Unavailable(f"The {upstream} service")
    return Problem(502, "bad-gateway", f"The {upstream} service broke off its answer; try again.")


def too_late(upstream: str, route: Route) -> Problem:
    """The deadline passed."""
    return Problem(504, "timeout", f"The {upstream} service took longer than {route.timeout_seconds:g} s.")
