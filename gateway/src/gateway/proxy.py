"""Carries a request to its upstream and the answer back, changing nothing but what must not pass."""

import asyncio
import logging
from collections.abc import Iterable, Mapping

import aiohttp
from starlette.types import Receive, Scope, Send

from gateway.disconnect import ClientGone, UntilDisconnect
from gateway.routes import Route
from gateway.upstream import Call, Upstream
from servicekit.problems import Problem, Unavailable

log = logging.getLogger(__name__)

MAX_QUERY_BYTES = 8 * 1024
FORWARDED_REQUEST_HEADERS = frozenset({
    b"accept", b"accept-encoding", b"accept-language", b"authorization", b"content-encoding", b"content-type",
    b"idempotency-key", b"if-match", b"if-modified-since", b"if-none-match", b"prefer", b"range", b"user-agent",
})  # fmt: skip
"""Nothing else passes: no hop-by-hop header, no cookie, no `x-user-*` or `x-forwarded-*` that a client made up."""

WITHHELD_RESPONSE_HEADERS = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
    b"upgrade", b"date", b"server", b"via", b"x-powered-by", b"trace-id", b"traceparent", b"tracestate",
})  # fmt: skip
WITHHELD_RESPONSE_PREFIXES = (b"x-forecourt-", b"x-internal-", b"x-user-")


class Proxy:
    """Forwards the requests of the routes that an upstream serves."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams

    async def forward(self, route: Route, upstream: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. Raises Problem while nothing is sent yet; afterwards a failure cuts the connection."""
        answer = _Answer(send)
        try:
            call = await _make_call(route, scope, receive)
            async with (
                UntilDisconnect(receive),
                asyncio.timeout_at(call.deadline),
                self._upstreams[upstream].send(call) as response,
            ):
                await answer.relay(response)
        except ClientGone:
            return
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            if not answer.begun:
                raise _problem(upstream, route, error) from error
            log.warning("answer cut off", extra={"upstream": upstream, "route": route.path, "error": repr(error)})


class _Answer:
    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def relay(self, response: aiohttp.ClientResponse) -> None:
        """The response as it comes, chunk by chunk; a slow client slows the reading."""
        self.begun = True
        headers = _response_headers(response.raw_headers)
        await self._send({"type": "http.response.start", "status": response.status, "headers": headers})
        content, more = response.content, True
        while more:
            chunk = await content.readany()
            more = not content.at_eof()
            await self._send({"type": "http.response.body", "body": chunk, "more_body": more})


async def _make_call(route: Route, scope: Scope, receive: Receive) -> Call:
    query: bytes = scope["query_string"]
    if not query.isascii():
        raise Problem(400, "bad-query", "The query has bytes outside ASCII; percent-encode them.")
    if len(query) > MAX_QUERY_BYTES:
        raise Problem(414, "query-too-long", f"The query is longer than {MAX_QUERY_BYTES:,} bytes; ask for less.")
    body = await _read_body(route, scope, receive)
    target = f"{scope['path']}?{query.decode()}" if query else scope["path"]
    deadline = asyncio.get_running_loop().time() + route.timeout_seconds
    return Call(route.method, target, _request_headers(scope), body, route.retry, deadline)


def _request_headers(scope: Scope) -> dict[str, str]:
    headers = {
        name.decode("ascii"): value.decode("utf-8", "replace")
        for name, value in scope["headers"]
        if name in FORWARDED_REQUEST_HEADERS
    }
    if scope["client"]:
        headers["x-forwarded-for"] = scope["client"][0]
    return headers


def _response_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept = [(name.lower(), value) for name, value in headers]
    return [
        (name, value)
        for name, value in kept
        if name not in WITHHELD_RESPONSE_HEADERS and not name.startswith(WITHHELD_RESPONSE_PREFIXES)
    ]


async def _read_body(route: Route, scope: Scope, receive: Receive) -> bytes | None:
    """The whole body, so that the call can be repeated; None where there is none."""
    declared = dict(scope["headers"])
    if b"content-length" not in declared and b"transfer-encoding" not in declared:
        return None
    too_large = Problem(413, "body-too-large", f"The body is larger than {route.body_bytes:,} bytes.")
    if int(declared.get(b"content-length", b"0")) > route.body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(route.timeout_seconds):
            while (message := await receive())["type"] == "http.request":
                body += message.get("body", b"")
                if len(body) > route.body_bytes:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(body) or None
    except TimeoutError:
        raise Problem(408, "body-too-slow", "The body did not arrive in time; send it again.") from None
    raise ClientGone


def _problem(upstream: str, route: Route, error: Exception) -> Problem:
    """What the client sees of an upstream's failure."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Unavailable(f"The {upstream} service")
    if isinstance(error, TimeoutError):
        return Problem(504, "timeout", f"The {upstream} service took longer than {route.timeout_seconds:g} s.")
    return Problem(502, "bad-gateway", f"The {upstream} service broke off its answer; try again.")
