"""The door: finds the route of a request and checks its caller. What has no row in the routes table stays outside."""

import math
from collections.abc import Coroutine
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.addresses import ClientAddresses
from gateway.limiter import caller_of_address
from gateway.request import Request
from gateway.routing import RateClass, Route, RouteTable
from gateway.settings import Network
from gateway.shared_limits import SharedLimits
from gateway.wire import SECURITY_HEADERS
from servicekit.app import OPERATOR_PATHS
from servicekit.auth import InvalidToken, Principal, Verifier, bearer_token, unauthorised
from servicekit.problems import Problem, trace_id
from servicekit.telemetry import RATE_LIMITED

Later = Coroutine[Any, Any, None] | None
FORWARDING_HEADERS = (b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip")


@dataclass(frozen=True)
class Door:
    """What a request has to pass; made once when the gateway comes up."""

    routes: RouteTable
    limits: SharedLimits
    verifier: Verifier
    addresses: ClientAddresses
    operator_networks: tuple[Network, ...]

    def admit(self, request: Request) -> Later:
        """Names the request's client and route and lets it pass; operators' paths have no route.

        Raises Problem 401, 403, 404, 405 or 429. A token that is new here, or a limit that replicas share, takes a
        while: what is returned then does the same when it is awaited.
        """
        if request.path in OPERATOR_PATHS and self._is_operator(request):
            return None
        request.client = self.addresses.of(request.client, request.headers)
        request.route = route = self.routes.match(request.method, request.path)
        caller = caller_of_address(request.client)
        if route.permission is None:
            return self._limit(route.rate, caller)
        token = bearer_token((request.header(b"authorization") or b"").decode("latin-1"))
        if principal := self.verifier.recall(token):
            return self._admit_principal(route, principal)
        self._require(RateClass.REFUSED, self.limits.wait_seconds(RateClass.REFUSED, caller))
        return self._admit_token(route, token, caller)

    async def _admit_token(self, route: Route, token: str, address: str) -> None:
        """Refused tokens are counted by address: to check a signature costs more than to ask."""
        try:
            principal = await self.verifier.verify(token)
        except InvalidToken as error:
            self._require(RateClass.REFUSED, await self.limits.take(RateClass.REFUSED, address))
            raise unauthorised(f"The access token is not accepted: {error}. Get a new one.") from error
        if later := self._admit_principal(route, principal):
            await later

    def _admit_principal(self, route: Route, principal: Principal) -> Later:
        if route.permission not in principal.scopes:
            raise Problem(403, "missing-scope", f"This needs the scope {route.permission}.")
        return self._limit(route.rate, principal.subject)

    def _is_operator(self, request: Request) -> bool:
        """Operators ask from this machine or their own network. Behind a proxy on this machine the whole world would
        seem to be local, so a request that was forwarded is never an operator's."""
        if not request.client or any(request.header(name) is not None for name in FORWARDING_HEADERS):
            return False
        address = ip_address(request.client)
        return any(address in network for network in self.operator_networks)

    def _limit(self, rate_class: RateClass, caller: str) -> Later:
        if self.limits.are_shared:
            return self._limit_with_others(rate_class, caller)
        return self._require(rate_class, self.limits.take_alone(rate_class, caller))

    async def _limit_with_others(self, rate_class: RateClass, caller: str) -> None:
        self._require(rate_class, await self.limits.take(rate_class, caller))

    def _require(self, rate_class: RateClass, wait_seconds: float) -> None:
        if wait_seconds:
            raise self._too_many(rate_class, wait_seconds)

    def _too_many(self, rate_class: RateClass, wait_seconds: float) -> Problem:
        RATE_LIMITED.labels(rate_class).inc()
        rate, seconds = self.limits.rate(rate_class), math.ceil(wait_seconds)
        window = math.ceil(rate.burst / rate.per_second)
        return Problem(
            429, "rate-limited", f"Too many requests; wait {seconds} s.",
            headers={
                "Retry-After": str(seconds),
                "RateLimit-Policy": f'"{rate_class}";q={rate.burst};w={window}',
                "RateLimit": f'"{rate_class}";r=0;t={seconds}',
            },
        )  # fmt: skip


class ResponseHeaders:
    """ASGI middleware, outermost: the gateway's own answers carry what the forwarded ones do."""

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
