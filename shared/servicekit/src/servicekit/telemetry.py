"""Logs, traces and metrics: every name the suite emits stands in this file."""

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_ENDPOINT
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import INVALID_SPAN_CONTEXT, Link, SpanKind
from prometheus_client import Counter, Gauge, Histogram

tracer = trace.get_tracer("forecourt")

REQUESTS = Counter("forecourt_http_requests_total", "Requests answered", ["service", "method", "route", "status"])
REQUEST_SECONDS = Histogram("forecourt_http_request_seconds", "Time to answer", ["service", "method", "route"])
PUBLISHED = Counter("forecourt_outbox_published_total", "Events acknowledged by Kafka", ["service", "topic"])
OUTBOX_PENDING = Gauge("forecourt_outbox_pending", "Outbox rows seen but not yet published", ["service"])
PRODUCER_REBUILDS = Counter(
    "forecourt_outbox_producer_rebuilds_total", "Producers replaced after an error", ["service"]
)
CONSUMED = Counter("forecourt_consumer_messages_total", "Messages by outcome", ["service", "topic", "outcome"])
CONSUMER_LAG = Gauge("forecourt_consumer_lag", "Messages not yet consumed", ["service", "topic", "partition"])
CONSUMER_PAUSES = Counter("forecourt_consumer_pauses_total", "Waits because the database was away", ["service"])
DEAD_LETTERS = Counter("forecourt_dead_letters_total", "Messages set aside", ["service", "topic"])
UNKNOWN_STATIONS = Counter(
    "forecourt_unknown_stations_total", "Stations that events named and nobody registered", ["service"]
)
PRICE_CHANGES = Counter("forecourt_price_changes_due_total", "Price changes whose time came, by outcome", ["status"])
OTP_REQUESTS = Counter(
    "forecourt_otp_requests_total", "Codes asked for: accepted, or which limit was full", ["outcome"]
)
OTP_TRIES = Counter("forecourt_otp_tries_total", "Codes tried: right, wrong or limited", ["outcome"])
SMS_SENDS = Counter("forecourt_sms_sends_total", "Attempts to send a text message", ["provider", "outcome"])
SMS_PREFIXES_BLOCKED = Counter("forecourt_sms_prefixes_blocked_total", "Prefixes blocked: few codes come back")
PROVIDER_NOTIFICATIONS = Counter(
    "forecourt_provider_notifications_total", "Payment providers' notifications: stored or refused",
    ["provider", "outcome"],
)  # fmt: skip
EXCEPTIONS_OPEN = Gauge("forecourt_exceptions_open", "Exceptions that nobody has settled", ["kind"])
TICKETS_OPEN = Gauge("forecourt_tickets_open", "Differences that reconciliation left open", ["side", "provider"])
LOYALTY_DIFFERENCES_OPEN = Gauge(
    "forecourt_loyalty_differences_open", "Discounts that were paid with and could not be taken as promised", ["kind"]
)
REWARDS = Counter(
    "forecourt_rewards_total",
    "Rewards by what became of them: given, held, refused, taken back, or why not",
    ["trigger", "outcome"],
)
CODES_REFUSED = Counter("forecourt_codes_refused_total", "Codes of coupons and gifts: wrong or limited", ["outcome"])
MISUSE_FLAGS = Counter("forecourt_misuse_flags_total", "What looked like misuse of rewards, by kind", ["kind"])
REWARDS_GIVEN_UP = Gauge("forecourt_rewards_given_up", "Orders whose rewards could not be given, however often tried")
ANALYST_COPIES = Counter(
    "forecourt_analyst_copies_total", "Records for analysts: copied or left out", ["topic", "outcome"]
)
REPORT_MAILS = Counter("forecourt_report_mails_total", "Mails with reports or codes: sent, or why not", ["outcome"])
TASK_RESTARTS = Counter("forecourt_task_restarts_total", "Background tasks restarted", ["service", "task"])
AUDIT_ENTRIES = Gauge("forecourt_audit_entries", "Entries of the audit log; it never falls")
UPSTREAM_CALLS = Counter("forecourt_upstream_calls_total", "The gateway's calls by outcome", ["upstream", "outcome"])
UPSTREAM_RETRIES = Counter("forecourt_upstream_retries_total", "The gateway's second tries", ["upstream"])
UPSTREAM_BREAKER_OPEN = Gauge("forecourt_upstream_breaker_open", "1 while calls are refused", ["upstream"])
RATE_LIMITED = Counter("forecourt_rate_limited_total", "Requests refused with 429", ["rate_class"])
RATE_LIMITS_SHARED = Gauge("forecourt_rate_limits_shared", "1 while all replicas limit together, by way of Valkey")
READS_SHARED = Counter("forecourt_reads_shared_total", "Reads answered by a call that was made for another one, too")
STREAM_SUBSCRIBERS = Gauge("forecourt_stream_subscribers", "Live price streams open")
STREAM_EVENTS = Counter("forecourt_stream_events_total", "Price changes seen for the live streams")
STREAM_DROPPED = Counter("forecourt_stream_dropped_total", "Live price streams closed because their reader was slow")
ORDER_STREAMS = Gauge("forecourt_order_streams", "Live streams of orders open")
ORDER_STREAMS_DROPPED = Counter("forecourt_order_streams_dropped_total", "Streams of orders closed: a slow reader")

LINES = msgspec.json.Encoder()
LINES_AT_ONCE = 500
"""While spans are encoded, no other thread runs."""
_EMAIL = re.compile(r"[^\s@\"'<>()\[\]=:,;]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")
_CODE_IN_PATH = re.compile(r"(?<=^/v1/coupons/)[^/]+")
_MOBILE_NUMBER = re.compile(r"(?:\+|%2[Bb])[1-9]\d{7,14}(?!\d)|(?<![\w.-])(?:86)?1[3-9]\d{9}(?!\w)")
_LOG_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message, trace id and the fields given in `extra`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
        line |= {key: value for key, value in vars(record).items() if key not in _LOG_RECORD_FIELDS}
        if record.exc_info:
            line["exception"] = without_personal_data(self.formatException(record.exc_info))
        if "error" in line:
            line["error"] = without_personal_data(str(line["error"]))
        return json.dumps(line, default=str, ensure_ascii=False)


def without_personal_data(text: str) -> str:
    """The text without what looks like an e-mail address or a mobile number: a net under texts that libraries write.

    No log of ours is meant to need it. A name or a plate it cannot know.
    """
    return _MOBILE_NUMBER.sub("(number hidden)", _EMAIL.sub("(address hidden)", text))


def path_without_codes(path: str) -> str:
    """The path of a request without a code that is shown as a proof: who reads traces could use it."""
    return _CODE_IN_PATH.sub("(code)", path)


def configure_logging(service: str, level: str) -> None:
    """All loggers write JSON lines to standard output; libraries speak from warnings up."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in (service, "servicekit"):
        logging.getLogger(name).setLevel(level)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # 30 lines a second while a broker is away; we say it once


class SpanFile(SpanExporter):
    """Appends spans to a file as JSON lines, where no collector runs; `grep TRACE_ID` then shows a request's way."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)  # a batch is one write, so that two writers never mix their lines

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Writes a batch of spans."""
        self.write([_span_fields(span) for span in spans])
        return SpanExportResult.SUCCESS

    def write(self, records: Sequence[Any]) -> None:
        """Writes spans that are plain data already: dictionaries or structs with the fields of a line."""
        for start in range(0, len(records), LINES_AT_ONCE):
            self._file.write(LINES.encode_lines(records[start : start + LINES_AT_ONCE]))

    def shutdown(self) -> None:
        """Closes the file."""
        self._file.close()


def _span_fields(span: ReadableSpan) -> dict[str, Any]:
    """A span as plain data; times are nanoseconds since the epoch."""
    context = span.get_span_context() or INVALID_SPAN_CONTEXT
    return {
        "name": span.name,
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "links": [f"{link.context.trace_id:032x}" for link in span.links],
        "service": span.resource.attributes.get("service.name"),
        "kind": span.kind.name,
        "start": span.start_time,
        "end": span.end_time,
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
    }


def make_span_exporter(traces_file: str | None, environment: Mapping[str, str]) -> SpanExporter | None:
    """What spans go to: the OTLP endpoint where one is set, else `traces_file`, else nothing."""
    if OTEL_EXPORTER_OTLP_ENDPOINT in environment:
        return OTLPSpanExporter()
    return SpanFile(Path(traces_file)) if traces_file else None


def configure_tracing(service: str, traces_file: str | None, environment: dict[str, str]) -> TracerProvider:
    """Traces go to the OTLP endpoint where one is set, else to `traces_file`, else nowhere.

    Sampling and limits follow the standard OTEL_* variables.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": f"forecourt-{service}"}))
    if exporter := make_span_exporter(traces_file, environment):
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def current_traceparent() -> str | None:
    """The W3C traceparent of the running span, for a row or a header; None outside a trace."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def database_span(system: str) -> Iterator[None]:
    """Around a transaction or a read, where it is part of a trace: a span per statement cost a fifth of a request."""
    if not trace.get_current_span().is_recording():
        yield
        return
    with tracer.start_as_current_span(system, kind=SpanKind.CLIENT, attributes={"db.system.name": system}):
        yield


@contextmanager
def consumer_spans(traceparents: Iterable[str | None]) -> Iterator[None]:
    """Around the handling of a batch: each trace that has a message in it gets one span, `consume`.

    What the handler does, queries and new events, belongs to the first of the traces; the others link to it.
    """
    distinct = list(dict.fromkeys(filter(None, traceparents)))
    first, *others = [propagate.extract({"traceparent": traceparent}) for traceparent in distinct] or [None]
    with tracer.start_as_current_span("consume", context=first, kind=SpanKind.CONSUMER) as handling:
        spans = [
            tracer.start_span("consume", context, SpanKind.CONSUMER, links=[Link(handling.get_span_context())])
            for context in others
        ]
        try:
            yield
        finally:
            for span in spans:
                span.end()
