"""Counts, times and traces the requests that the gateway answers without the ASGI app."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from gateway.request import Request
from servicekit.spans import SpanLog, SpanRecord
from servicekit.telemetry import REQUEST_SECONDS, REQUESTS, path_without_codes

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "_OTHER"
"""Whatever a client calls its method, the metrics get no label of its making."""


class Known(NamedTuple):
    """What is the same for all requests of a route, method and status."""

    increment: Callable[[], None]
    observe: Callable[[float], None]
    name: str
    attributes: dict[str, Any]
    outcome: str


class Meter:
    """The same metrics and spans as those of the ASGI app, looked up once for each route, method and status."""

    def __init__(self, service: str, port: int, spans: SpanLog) -> None:
        self._service = service
        self._port = port
        self._spans = spans
        self._known: dict[tuple[str, str, int, bool], Known] = {}

    def record(self, request: Request, status: int, *, cut: bool = False) -> None:
        """The request is answered; `cut` says that the answer was begun but not completed."""
        method = request.method if request.method in METHODS else OTHER
        path = request.route.path if request.route is not None else UNMATCHED
        known = self._known.get((path, method, status, cut)) or self._look_up(path, method, status, cut)
        ended_ns = time.time_ns()
        known.increment()
        known.observe(max(0, ended_ns - request.started_ns) / 1e9)
        if self._spans.wants(request.trace):
            self._spans.add(self._span(request, known, ended_ns))

    def _look_up(self, path: str, method: str, status: int, cut: bool) -> Known:
        labels = (self._service, method, path)
        attributes: dict[str, Any] = {
            "url.scheme": "http", "http.request.method": method, "server.port": self._port,
            "http.response.status_code": status,
        }  # fmt: skip
        if path != UNMATCHED:
            attributes["http.route"] = path
        if failed := cut or status >= 500:
            attributes["error.type"] = str(status)
        self._known[path, method, status, cut] = known = Known(
            REQUESTS.labels(*labels, status).inc, REQUEST_SECONDS.labels(*labels).observe,
            method if path == UNMATCHED else f"{method} {path}", attributes, "ERROR" if failed else "UNSET",
        )  # fmt: skip
        return known

    def _span(self, request: Request, known: Known, ended_ns: int) -> SpanRecord:
        trace, attributes = request.trace, known.attributes.copy()
        attributes["url.path"] = path_without_codes(request.path)
        attributes["network.protocol.version"] = request.version
        if request.query:
            attributes["url.query"] = request.query.decode("ascii", "replace")
        return SpanRecord(known.name, trace.trace_id, trace.span_id, trace.parent_id, "SERVER", request.started_ns,
                          ended_ns, known.outcome, attributes)  # fmt: skip
