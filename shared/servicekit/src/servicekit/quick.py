"""Reads that are answered before FastAPI begins, for routes whose answer costs less than its machinery."""

import time
from collections.abc import Callable, Mapping
from typing import Any, get_origin
from urllib.parse import parse_qsl

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from servicekit.spans import SpanLog, SpanRecord, Trace
from servicekit.telemetry import REQUEST_SECONDS, REQUESTS

Answer = Callable[[bytes], bytes]
"""From the query string to the JSON of a 200. Raises whatever it likes where there is another answer to give."""


class QuickReads:
    """Answers GETs of fixed paths that succeed, with the same metrics and spans as the app's.

    What does not succeed goes on to the app, whose route of that path then says what is wrong.
    """

    def __init__(self, service: str, port: int, spans: SpanLog, answers: Mapping[str, Answer]) -> None:
        self._port = port
        self._spans = spans
        self._answers = {
            path: (answer, REQUESTS.labels(service, "GET", path, 200), REQUEST_SECONDS.labels(service, "GET", path))
            for path, answer in answers.items()
        }

    async def answered(self, scope: Scope, send: Send) -> bool:
        """Whether the request was one of these, and is answered now."""
        if scope["method"] != "GET" or (known := self._answers.get(scope["path"])) is None:
            return False
        answer, count, seconds = known
        started_at, started_ns = time.perf_counter(), time.time_ns()
        try:
            body = answer(scope["query_string"])
        except Exception:  # noqa: BLE001 - the app meets the same again, answers it and logs it
            return False
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        count.inc()
        seconds.observe(time.perf_counter() - started_at)
        traceparent = next((value for name, value in scope["headers"] if name == b"traceparent"), None)
        trace = self._spans.begin(traceparent, f"GET {scope['path']}")
        if self._spans.wants(trace):
            self._spans.add(self._span(scope, trace, started_ns))
        return True

    def _span(self, scope: Scope, trace: Trace, started_ns: int) -> SpanRecord:
        path = scope["path"]
        attributes: dict[str, Any] = {
            "url.path": path, "url.query": scope["query_string"].decode("latin-1"), "url.scheme": scope["scheme"],
            "http.request.method": "GET", "http.route": path, "http.response.status_code": 200,
            "network.protocol.version": scope["http_version"], "server.port": self._port,
        }  # fmt: skip
        return SpanRecord(
            f"GET {path}", trace.trace_id, trace.span_id, trace.parent_id, "SERVER", started_ns, time.time_ns(),
            "UNSET", attributes,
        )  # fmt: skip


class QuickApp(FastAPI):
    """A FastAPI app that may have quick reads before it."""

    quick: QuickReads | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if self.quick is None or scope["type"] != "http" or not await self.quick.answered(scope, send):
            await super().__call__(scope, receive, send)


def read_query(model: type[BaseModel], query_string: bytes) -> Any:
    """The query as the model takes it: a name that is given twice counts once, the last one, unless it is a list.

    Raises pydantic's ValidationError.
    """
    values: dict[str, Any] = {}
    for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        field = model.model_fields.get(name)
        if field is not None and get_origin(field.annotation) is list:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return model.model_validate(values)
