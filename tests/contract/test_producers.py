"""What producers write is what the golden records say, and what the schemas allow."""

import json
from datetime import datetime
from uuid import UUID

import pytest

from pricing.http_models.reports import PriceReportBatch
from schemas.contracts import name_of
from schemas.events import PriceReportsSubmittedV1
from schemas.export import FOLDER
from servicekit.envelope import Message, OutboxRecord, event_headers, source_of, to_record

from .golden import GOLDEN, Golden
from .json_schema import violations

EVERY_RECORD = pytest.mark.parametrize("golden", GOLDEN, ids=str)
REPORTS = [golden for golden in GOLDEN if golden.entry.event is PriceReportsSubmittedV1]
OURS = [golden for golden in GOLDEN if golden not in REPORTS]


@EVERY_RECORD
def test_the_value_follows_its_schema(golden: Golden):
    path = FOLDER / "json" / f"{name_of(golden.entry.event)}.json"
    assert violations(golden.value, json.loads(path.read_text(encoding="utf-8"))) == []


@EVERY_RECORD
def test_the_value_and_key_are_what_the_outbox_stores(golden: Golden):
    event = golden.entry.event.model_validate_json(json.dumps(golden.value))
    record = to_record(event, golden.headers.get("traceparent"))
    assert json.loads(record.payload) == golden.value
    assert (record.topic, record.key, record.type) == (golden.topic.name, golden.key, golden.headers["ce_type"])


@pytest.mark.parametrize("golden", OURS, ids=str)
def test_the_headers_are_what_the_relay_sends(golden: Golden):
    headers = golden.headers
    record = OutboxRecord(golden.topic.name, golden.key, headers["ce_type"], b"", headers.get("traceparent"))
    source = source_of(golden.topic.producer).encode()
    sent = event_headers(record, UUID(headers["ce_id"]), source, headers["ce_time"].encode())
    assert {name: value.decode() for name, value in sent} == headers


@EVERY_RECORD
def test_consumers_parse_the_record_to_its_event(golden: Golden):
    now = datetime.fromisoformat(golden.headers["ce_time"])
    value = json.dumps(golden.value).encode()
    message = Message(golden.topic.name, 0, 0, golden.key.encode(), value, golden.headers, now)
    event = message.event()
    assert message.identity == (golden.headers["ce_source"], golden.headers["ce_id"])
    assert isinstance(event, golden.entry.event)
    assert event.model_dump(mode="json") == golden.value


@pytest.mark.parametrize("golden", REPORTS, ids=str)
def test_a_report_by_topic_has_the_shape_of_one_by_http(golden: Golden):
    batch = PriceReportBatch.model_validate_json(json.dumps(golden.value))
    assert batch.model_dump(mode="json") == golden.value
    assert PriceReportBatch.model_fields.keys() == PriceReportsSubmittedV1.model_fields.keys()
