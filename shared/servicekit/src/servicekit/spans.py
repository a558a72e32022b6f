"""Spans for a path where a span object for each step would cost more than the step: records, written in batches."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import getrandbits
from typing import Any, Self

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)  # fmt: skip

from servicekit.telemetry import SpanFile, make_span_exporter

log = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
MAX_WAITING = 100_000
"""Spans beyond it are left out: a collector that is away must not fill the memory."""
TRACEPARENT_LENGTH = 55
HEXADECIMAL = frozenset("0123456789abcdef")
SAMPLED = 1


class SpanRecord(msgspec.Struct, gc=False):
    """A finished span, in the form of a line of the traces file; times are nanoseconds since the epoch."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    kind: str
    start: int
    end: int
    status: str
    attributes: dict[str, Any]
    service: str = ""
    links: tuple[str, ...] = ()


class Trace(msgspec.Struct, gc=False):
    """Where a request stands in its trace: ids in hexadecimal, as `traceparent` and the logs show them."""

    trace_id: str
    span_id: str
    parent_id: str | None
    sampled: bool

    def traceparent(self, span_id: str) -> bytes:
        """The header for a call made under this trace, as a child `span_id`."""
        return f"00-{self.trace_id}-{span_id}-{'01' if self.sampled else '00'}".encode()


def new_span_id() -> str:
    """A random span id."""
    return f"{getrandbits(64):016x}"


class SpanLog:
    """Decides which traces are recorded, keeps their finished spans, and writes them beside the event loop."""

    def __init__(
        self, service: str, sampler: Sampler, write: Callable[[list[SpanRecord]], None] | None,
        end: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._service = f"forecourt-{service}"
        self._sampler = sampler
        self._write = write
        self._end = end
        self._waiting: list[SpanRecord] = []

    @classmethod
    def make(
        cls, service: str, provider: TracerProvider, traces_file: str | None, environment: Mapping[str, str]
    ) -> Self:
        """A log that samples and goes where the service's other spans do."""
        exporter = make_span_exporter(traces_file, environment)
        if exporter is None:
            return cls(service, provider.sampler, None)
        return cls(service, provider.sampler, _writer(exporter, provider.resource), exporter.shutdown)

    def begin(self, traceparent: bytes | None, name: str = "") -> Trace:
        """The place of a new server span: in the caller's trace, or in a new one where the header is none or bad."""
        known = _parse(traceparent) if traceparent is not None else None
        trace_id, parent_id, flag = known or (f"{getrandbits(128):032x}", None, None)
        if self._sampler is DEFAULT_ON:  # the SDK's default, worth the short way
            sampled = flag is None or flag
        else:
            sampled = self._ask_sampler(trace_id, parent_id, bool(flag), name)
        return Trace(trace_id, new_span_id(), parent_id, sampled)

    def wants(self, trace: Trace) -> bool:
        """Whether spans of this trace are to be added; to ask first saves making them."""
        return trace.sampled and self._write is not None and len(self._waiting) < MAX_WAITING

    def add(self, record: SpanRecord) -> None:
        """Keeps a finished span for the next batch."""
        record.service = self._service
        self._waiting.append(record)

    async def keep_writing(self) -> None:
        """Writes what came in, every second, until it is cancelled."""
        try:
            while True:
                await asyncio.sleep(WRITE_SECONDS)
                await asyncio.to_thread(self._write_waiting)
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """Writes what came in, and ends."""
        self._write_waiting()
        self._write = None
        self._end()

    def _write_waiting(self) -> None:
        records, self._waiting = self._waiting, []
        if records and self._write is not None:
            self._write(records)

    def _ask_sampler(self, trace_id: str, parent_id: str | None, flag: bool, name: str) -> bool:
        context = None
        if parent_id is not None:
            remote = _context(trace_id, parent_id, remote=True, sampled=flag)
            context = set_span_in_context(NonRecordingSpan(remote))
        result = self._sampler.should_sample(context, int(trace_id, 16), name, SpanKind.SERVER)
        return result.decision.is_sampled()


def _parse(traceparent: bytes) -> tuple[str, str, bool] | None:
    """(trace id, parent id, whether it is sampled) of a W3C header; None where it is malformed or newer."""
    text = traceparent.decode("latin-1")
    if len(text) != TRACEPARENT_LENGTH or text[:3] != "00-" or text[35] != "-" or text[52] != "-":
        return None
    trace_id, parent_id, flags = text[3:35], text[36:52], text[53:]
    if not HEXADECIMAL.issuperset(trace_id + parent_id + flags) or not (trace_id.strip("0") and parent_id.strip("0")):
        return None
    return trace_id, parent_id, bool(int(flags, 16) & SAMPLED)


def _writer(exporter: SpanExporter, resource: Resource) -> Callable[[list[SpanRecord]], None]:
    if isinstance(exporter, SpanFile):
        return exporter.write

    def export(records: list[SpanRecord]) -> None:
        exporter.export([_readable(record, resource) for record in records])

    return export


def _readable(record: SpanRecord, resource: Resource) -> ReadableSpan:
    """The record as the SDK's exporters take it."""
    parent = _context(record.trace_id, record.parent_id, remote=True) if record.parent_id is not None else None
    return ReadableSpan(
        name=record.name, context=_context(record.trace_id, record.span_id), parent=parent, resource=resource,
        attributes=record.attributes, kind=SpanKind[record.kind], status=Status(StatusCode[record.status]),
        start_time=record.start, end_time=record.end,
    )  # fmt: skip


def _context(trace_id: str, span_id: str, *, remote: bool = False, sampled: bool = True) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), remote, TraceFlags(TraceFlags.SAMPLED if sampled else 0))
