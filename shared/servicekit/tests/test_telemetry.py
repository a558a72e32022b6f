"""Logs and metrics carry the names that stand in telemetry.py, and logs the trace they belong to."""

import json
import logging

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span
from prometheus_client import Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from servicekit import telemetry
from servicekit.settings import ServiceSettings
from servicekit.telemetry import JsonFormatter, current_traceparent

SPAN = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))


def line(**extra: object) -> dict:
    """A log line as JSON."""
    record = logging.makeLogRecord({"name": "kit", "levelname": "INFO", "msg": "it %s", "args": ("happened",)} | extra)
    return json.loads(JsonFormatter("kit").format(record))


def test_a_log_line_is_json_with_the_trace_it_belongs_to():
    with use_span(SPAN):
        traced = line(offset=7)
    assert traced["trace_id"] == f"{0xABC:032x}"
    assert (traced["service"], traced["logger"], traced["message"], traced["offset"]) == (
        "kit",
        "kit",
        "it happened",
        7,
    )
    assert "trace_id" not in line()


def test_an_exception_is_part_of_its_line():
    try:
        raise ValueError("bad")
    except ValueError as error:
        logged = line(exc_info=(ValueError, error, error.__traceback__))
    assert "ValueError: bad" in logged["exception"]


@pytest.mark.parametrize(
    "text",
    ["no row for +8619900123456", "GET /x?to=%2B8619900123456&n=1", "value '19900123456' is wrong", "8619900123456",
     "canary-x.y+z@canary-forecourt.example is taken", "GET /x?mail=canary%40canary-forecourt.example"],
)  # fmt: skip
def test_security_41_what_a_library_says_of_a_person_is_not_logged(text: str) -> None:
    logged = line(exc_info=(ValueError, ValueError(text), None), error=ValueError(text))
    for field in ("exception", "error"):
        assert "hidden)" in logged[field]
        assert "99001" not in logged[field]
        assert "canary" not in logged[field]


@pytest.mark.parametrize(
    "text", ["offset 1719900123456", "01a21434-1299-7686-b80a-2c9984b45421", "at 0.19900123456", "line 12, in x@y"]
)
def test_what_is_nobody_s_is_logged_as_it_is(text: str) -> None:
    assert line(error=text)["error"] == text


def test_what_json_does_not_know_is_written_as_text():
    assert line(thing=ServiceSettings)["thing"] == str(ServiceSettings)


def test_the_traceparent_is_that_of_the_running_span():
    assert current_traceparent() is None
    with use_span(SPAN):
        assert current_traceparent() == f"00-{0xABC:032x}-{0xDEF:016x}-01"


def test_every_metric_of_ours_stands_in_telemetry():
    metrics = [one for one in vars(telemetry).values() if isinstance(one, Counter | Gauge | Histogram)]
    known = {family.name for metric in metrics for family in metric.collect()}
    emitted = {family.name for family in text_string_to_metric_families(generate_latest().decode())}
    ours = {name.removesuffix("_created") for name in emitted if not name.startswith(("python_", "process_"))}
    assert len(known) > 10
    assert ours <= known
    assert all(name.startswith("forecourt_") for name in known)


@pytest.mark.parametrize("name", ["servicekit", "kit"])
def test_libraries_speak_from_warnings_up(name: str):
    before = logging.root.handlers[:], logging.root.level
    try:
        telemetry.configure_logging("kit", "DEBUG")
        assert logging.getLogger(name).isEnabledFor(logging.DEBUG)
        assert not logging.getLogger("aiokafka").isEnabledFor(logging.INFO)
    finally:
        logging.root.handlers, logging.root.level = before
