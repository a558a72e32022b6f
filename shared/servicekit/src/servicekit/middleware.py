"""The edge of every service as pure ASGI: body limit, deadline, request metrics (BaseHTTPMiddleware leaks)."""

import asyncio
import time

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servicekit.problems import Problem, problem_response
from servicekit.settings import ServiceSettings
from servicekit.telemetry import REQUEST_SECONDS, REQUESTS, path_without_codes


class _BodyTooLarge(Exception):
    pass


class HttpEdge:
    """Answers 413 and 504 where a limit is passed, and counts and times every request by its route."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request; other ASGI scopes pass through."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if (shown := path_without_codes(scope["path"])) != scope["path"]:
            trace.get_current_span().set_attribute("url.path", shown)
        started_at, status = time.perf_counter(), 0
        deadline = asyncio.timeout(self._settings.request_timeout_seconds)

        async def counted_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                deadline.reschedule(None)  # an answer that has begun, a stream perhaps, may take its time
            await send(message)

        try:
            problem = await self._limited(deadline, scope, receive, counted_send)
            if problem is not None and status == 0:
                await problem_response(problem)(scope, receive, send)
                status = problem.status
        except Exception:
            status = status or 500  # what Starlette's outermost handler answers
            raise
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            labels = (self._settings.service, scope["method"], route)
            REQUESTS.labels(*labels, status).inc()
            REQUEST_SECONDS.labels(*labels).observe(time.perf_counter() - started_at)

    async def _limited(self, deadline: asyncio.Timeout, scope: Scope, receive: Receive, send: Send) -> Problem | None:
        """Runs the app within the limits; the problem where one was passed."""
        limit = self._settings.max_body_bytes
        too_large = Problem(413, "body-too-large", f"The body is larger than {limit:,} bytes; send it in parts.")
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            return too_large
        body = _LimitedBody(receive, send, limit)
        try:
            async with deadline:
                await self._app(scope, body.receive, body.send)
        except _BodyTooLarge:
            return too_large
        except TimeoutError:
            return Problem(504, "timeout", "The answer took too long; try again, with less at once if you can.")
        return too_large if body.is_too_large else None


class _LimitedBody:
    """Hands a body on until it is too large; the app's own answer is dropped then, since FastAPI's would be a 400."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._left = limit

    @property
    def is_too_large(self) -> bool:
        """Whether more came than may."""
        return self._left < 0

    async def receive(self) -> Message:
        """ASGI's receive. Raises _BodyTooLarge."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self.is_too_large:
            raise _BodyTooLarge
        return message

    async def send(self, message: Message) -> None:
        """ASGI's send."""
        if not self.is_too_large:
            await self._send(message)
