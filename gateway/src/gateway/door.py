"""The door as ASGI middleware: finds the route, checks the caller, then forwards or lets the gateway itself answer."""

import math
import time
from dataclasses import dataclass
from ipaddress import ip_address

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.limiter import Limiter, caller_of_address
from gateway.proxy import Proxy
from gateway.routes import RateClass, Route, RouteTable
from gateway.settings import Network
from servicekit.app import OPERATOR_PATHS
from servicekit.auth import InvalidToken, Principal, Verifier, bearer_token, unauthorised
from servicekit.problems import Problem, problem_response, trace_id
from servicekit.telemetry import RATE_LIMITED

FORWARDING_HEADERS = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip"})
SECURITY_HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
"""Set where the answer does not set them itself."""


class ResponseHeaders:
    """Outermost: every answer carries the security headers, and `trace-id`, which finds its trace and its logs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _completed(message["headers"])
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = {name for name, _ in headers}
    added = [header for header in SECURITY_HEADERS.items() if header[0] not in given]
    return [*headers, *added, (b"trace-id", (trace_id() or "").encode())]


@dataclass(frozen=True)
class Checks:
    """What a request has to pass; made once when the gateway comes up."""

    routes: RouteTable
    limiter: Limiter
    verifier: Verifier
    operator_networks: tuple[Network, ...]


class Door:
    """Innermost: nothing behind it is reached but by a row of the routes table."""

    def __init__(self, app: ASGIApp, checks: Checks) -> None:
        self._app = app
        self._checks = checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        try:
            await self._admit(scope, receive, send)
        except Problem as problem:
            await problem_response(problem)(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in OPERATOR_PATHS and self._is_operator(scope):
            return await self._app(scope, receive, send)
        route = self._checks.routes.match(scope["method"], scope["path"])
        _name(scope, route)
        await self._check_caller(route, scope)
        if route.upstream is None:
            return await self._app(scope, receive, send)
        proxy: Proxy = scope["app"].state.proxy
        await proxy.forward(route, route.upstream, scope, receive, send)

    def _is_operator(self, scope: Scope) -> bool:
        """Operators ask from this machine or their own network. Behind a proxy on this machine the whole world would
        seem to be local, so a request that was forwarded is never an operator's."""
        if scope["client"] is None or any(name in FORWARDING_HEADERS for name, _ in scope["headers"]):
            return False
        address = ip_address(scope["client"][0])
        return any(address in network for network in self._checks.operator_networks)

    async def _check_caller(self, route: Route, scope: Scope) -> None:
        """Raises Problem 401, 403 or 429."""
        caller = caller_of_address(scope["client"][0] if scope["client"] else "")
        if route.scope is not None:
            caller = (await self._principal(route.scope, scope, caller)).subject
        self._limit(route.rate, caller)

    async def _principal(self, needed: str, scope: Scope, address: str) -> Principal:
        """The token's principal. Refused tokens are counted by address: to check a signature costs more than to ask."""
        limiter, now = self._checks.limiter, time.monotonic()
        if wait := limiter.wait_seconds(RateClass.REFUSED, address, now):
            raise self._too_many(RateClass.REFUSED, wait)
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        try:
            principal = await self._checks.verifier.verify(bearer_token(authorization.decode("latin-1")))
        except InvalidToken as error:
            limiter.take(RateClass.REFUSED, address, now)
            raise unauthorised(f"The access token is not accepted: {error}. Get a new one.") from error
        if needed not in principal.scopes:
            raise Problem(403, "missing-scope", f"This needs the scope {needed}.")
        return principal

    def _limit(self, rate_class: RateClass, caller: str) -> None:
        if wait := self._checks.limiter.take(rate_class, caller, time.monotonic()):
            raise self._too_many(rate_class, wait)

    def _too_many(self, rate_class: RateClass, wait_seconds: float) -> Problem:
        RATE_LIMITED.labels(rate_class).inc()
        rate, seconds = self._checks.limiter.rate(rate_class), math.ceil(wait_seconds)
        window = math.ceil(rate.burst / rate.per_second)
        return Problem(
            429, "rate-limited", f"Too many requests; wait {seconds} s.",
            headers={
                "Retry-After": str(seconds),
                "RateLimit-Policy": f'"{rate_class}";q={rate.burst};w={window}',
                "RateLimit": f'"{rate_class}";r=0;t={seconds}',
            },
        )  # fmt: skip


def _name(scope: Scope, route: Route) -> None:
    """Metrics and the server span then speak of the route, not of each path."""
    scope["route"] = route
    span = trace.get_current_span()
    span.update_name(f"{route.method} {route.path}")
    span.set_attribute("http.route", route.path)
