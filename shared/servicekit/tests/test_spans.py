"""Span records: whose trace they belong to, which are kept, and where they go."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode

from servicekit import spans
from servicekit.spans import SpanLog, SpanRecord, new_span_id

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KNOWN = f"00-{TRACE_ID}-{PARENT_ID}-01".encode()
NEW = re.compile(r"[0-9a-f]{32}")


def log_with(sampler: Sampler = DEFAULT_ON) -> tuple[SpanLog, list[SpanRecord]]:
    """A log, and what it has written."""
    written: list[SpanRecord] = []
    return SpanLog("kit", sampler, written.extend), written


def record(**changes: object) -> SpanRecord:
    fields = {
        "name": "GET /x", "trace_id": TRACE_ID, "span_id": "00f067aa0ba902b7", "parent_id": PARENT_ID, "kind": "SERVER",
        "start": 1, "end": 2, "status": "ERROR", "attributes": {"http.response.status_code": 500},
    }  # fmt: skip
    return SpanRecord(**(fields | changes))  # pyright: ignore[reportArgumentType]


def test_trace_of_the_caller_goes_on():
    trace = log_with()[0].begin(KNOWN)
    assert (trace.trace_id, trace.parent_id, trace.sampled) == (TRACE_ID, PARENT_ID, True)
    child = new_span_id()
    assert trace.traceparent(child) == f"00-{TRACE_ID}-{child}-01".encode()
    assert trace.span_id not in {PARENT_ID, child}


@pytest.mark.parametrize(
    "header",
    [
        None, b"", b"00", KNOWN[:-1], KNOWN + b"0", KNOWN.upper(), KNOWN.replace(b"00-", b"01-", 1),
        KNOWN.replace(TRACE_ID.encode(), b"0" * 32), KNOWN.replace(PARENT_ID.encode(), b"0" * 16),
        KNOWN.replace(b"-", b"_"), KNOWN.replace(b"c-b", b"c\nb"),
    ],
)  # fmt: skip
def test_without_a_good_header_a_trace_begins(header: bytes | None):
    trace = log_with()[0].begin(header)
    assert NEW.fullmatch(trace.trace_id)
    assert (trace.trace_id == TRACE_ID, trace.parent_id, trace.sampled) == (False, None, True)


@given(st.binary(max_size=60))
def test_no_header_is_trusted_to_be_well_formed(header: bytes):
    trace = log_with()[0].begin(header)
    assert NEW.fullmatch(trace.trace_id)
    assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", trace.traceparent(new_span_id()))


@pytest.mark.parametrize(
    ("sampler", "header", "sampled"),
    [
        (DEFAULT_ON, KNOWN[:-1] + b"0", False),
        (ALWAYS_OFF, KNOWN, False),
        (ParentBased(ALWAYS_OFF), KNOWN, True),
        (ParentBased(ALWAYS_OFF), None, False),
        (TraceIdRatioBased(0.0), KNOWN, False),
        (TraceIdRatioBased(1.0), None, True),
    ],
)
def test_sampling_follows_the_sdks_sampler(sampler: Sampler, header: bytes | None, sampled: bool):
    log, _ = log_with(sampler)
    trace = log.begin(header)
    assert (trace.sampled, log.wants(trace)) == (sampled, sampled)
    assert trace.traceparent(new_span_id()).endswith(b"01" if sampled else b"00")


def test_without_a_place_to_write_nothing_is_wanted():
    log = SpanLog("kit", DEFAULT_ON, None)
    assert not log.wants(log.begin(None))


async def test_what_waits_is_bounded_and_written_at_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spans, "MAX_WAITING", 2)
    log, written = log_with()
    writing = asyncio.create_task(log.keep_writing())
    await asyncio.sleep(0)
    while log.wants(log.begin(None)):
        log.add(record())
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert [one.service for one in written] == ["forecourt-kit"] * 2


def test_file_holds_records_and_the_sdks_spans_line_by_line(tmp_path: Path):
    file = tmp_path / "traces" / "kit.jsonl"
    provider = TracerProvider()
    log = SpanLog.make("kit", provider, str(file), {})
    log.add(record())
    log.close()
    exporter = spans.SpanFile(file)
    exporter.export([spans._readable(record(name="by the SDK"), provider.resource)])
    exporter.shutdown()
    ours, theirs = map(json.loads, file.read_text().splitlines())
    assert ours | {"name": "by the SDK", "service": theirs["service"]} == theirs


def test_collector_gets_the_same_as_the_file(monkeypatch: pytest.MonkeyPatch):
    class Collector:
        def export(self, spans):
            self.spans = spans
            return SpanExportResult.SUCCESS

        def shutdown(self):
            self.is_shut_down = True

    collector = Collector()
    monkeypatch.setattr(spans, "make_span_exporter", lambda *_: collector)
    log = SpanLog.make("kit", TracerProvider(), None, {})
    log.add(record())
    log.close()
    [span] = collector.spans
    assert collector.is_shut_down
    assert (span.name, span.kind, span.status.status_code) == ("GET /x", SpanKind.SERVER, StatusCode.ERROR)
    assert (span.context.trace_id, span.parent.span_id) == (int(TRACE_ID, 16), int(PARENT_ID, 16))
    assert (span.start_time, span.end_time, dict(span.attributes)) == (1, 2, {"http.response.status_code": 500})
