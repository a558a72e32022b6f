"""Counts, times and traces the requests that the gateway answers without the ASGI app."""

import time
from collections.abc import Callable
from typing import Any

from gateway.request import Request
from servicekit.spans import SpanLog, SpanRecord
from servicekit.telemetry import REQUEST_SECONDS, REQUESTS

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "_OTHER"
"""Whatever a client calls its method, the metrics get no label of its making."""


class Meter:
    """The same metrics and spans as those of the ASGI app, looked up once for each route and status."""

    def __init__(self, service: str, port: int, spans: SpanLog) -> None:
        self._service = service
        self._port = port
        self._spans = spans
        self._known: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def record(self, request: Request, status: int, *, cut: bool = False) -> None:
        """The request is answered; `cut` says that the answer was begun but not completed."""
        method = request.method if request.method in METHODS else OTHER
        path = request.route.path if request.route is not None else UNMATCHED
        count, observe = self._known.get((path, method, status)) or self._look_up(path, method, status)
        count()
        observe(time.perf_counter() - request.started)
        if self._spans.wants(request.trace):
            self._spans.add(self._span(request, method, status, failed=cut or status >= 500))

    def _look_up(self, path: str, method: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
        labels = (self._service, method, path)
        found = REQUESTS.labels(*labels, status).inc, REQUEST_SECONDS.labels(*labels).observe
        self._known[path, method, status] = found
        return found

    def _span(self, request: Request, method: str, status: int, *, failed: bool) -> SpanRecord:
        trace, route = request.trace, request.route
        attributes: dict[str, Any] = {
            "url.path": request.path, "url.scheme": "http", "http.request.method": method, "server.port": self._port,
            "network.protocol.version": request.version, "http.response.status_code": status,
        }  # fmt: skip
        if request.query:
            attributes["url.query"] = request.query.decode("ascii", "replace")
        if route is not None:
            attributes["http.route"] = route.path
        if failed:
            attributes["error.type"] = str(status)
        name = f"{method} {route.path}" if route else method
        outcome = "ERROR" if failed else "UNSET"
        return SpanRecord(name, trace.trace_id, trace.span_id, trace.parent_id, "SERVER", request.started_ns,
                          time.time_ns(), outcome, attributes)  # fmt: skip
