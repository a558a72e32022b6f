"""Messages become facts, or are refused: what cannot be read, and what cannot be true."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import bson
import pytest

from analytics.domain import facts
from analytics.domain.folding import Folded, add, canonical
from analytics.domain.folds.station_hours import StationHours
from analytics.use_cases.arriving import CLOCKS_APART, Arrivals
from schemas.base import Event
from schemas.events import OrderPaidV1, PriceChangedV1, TierChangedV1
from schemas.examples import EXAMPLES
from servicekit.envelope import MalformedMessage, Message
from servicekit.ids import new_id
from servicekit.mongo import CODEC

from .view_kit import PSEUDONYMS, folded, message

ARRIVALS = Arrivals(PSEUDONYMS)


def example(kind: type[Event]) -> Event:
    return next(event for pair in EXAMPLES for event in pair if isinstance(event, kind))


def changed(event: Event, **fields: Any) -> Message:
    """The event as a record of just now, some fields as no producer of ours writes them."""
    one = message(event, datetime.now(UTC))
    return one._replace(value=json.dumps(json.loads(event.to_json()) | fields).encode())


def test_a_fact_has_the_id_of_its_event_and_a_pseudonym_in_the_place_of_its_driver():
    paid = example(OrderPaidV1)
    one = message(paid)
    fact = ARRIVALS.fact(one)
    assert fact is not None
    assert isinstance(fact.event, facts.OrderPaid)
    assert fact.id == UUID(one.headers["ce_id"]).bytes
    assert fact.driver == PSEUDONYMS.of(fact.event.driver_id)
    assert fact.published_at == one.published_at


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ({"ce_id": "no uuid"}, None), ({}, b"{"), ({}, b""), ({}, b"[]"), ({}, b"\xff\xfe"), ({}, b'{"order_id": 1}'),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(headers: dict[str, str], value: bytes | None):
    one = message(example(OrderPaidV1))
    with pytest.raises(MalformedMessage):
        ARRIVALS.fact(one._replace(headers=one.headers | headers, value=one.value if value is None else value))


@pytest.mark.parametrize("missing", ["ce_id", "ce_type"])
def test_a_record_without_its_headers_is_refused(missing: str):
    one = message(example(OrderPaidV1))
    headers = {name: text for name, text in one.headers.items() if name != missing}
    with pytest.raises(MalformedMessage, match=missing):
        ARRIVALS.fact(one._replace(headers=headers))


def test_a_tombstone_is_refused():
    with pytest.raises(MalformedMessage):
        ARRIVALS.fact(message(example(OrderPaidV1))._replace(value=None))


@pytest.mark.parametrize("moment", ["2026-04-30T10:00:00", "0001-01-01T00:00:00+14:00", "yesterday"])
def test_a_moment_without_a_zone_or_outside_of_the_calendar_is_refused(moment: str):
    with pytest.raises(MalformedMessage):
        ARRIVALS.fact(changed(example(OrderPaidV1), occurred_at=moment))


def test_types_that_no_view_is_folded_from_are_passed_over():
    one = message(example(OrderPaidV1))
    newer = one.headers | {"ce_type": "forecourt.payments.OrderPaid.v9"}
    assert ARRIVALS.fact(one._replace(headers=newer, value=b"whatever that may be")) is None
    assert ARRIVALS.fact(message(example(TierChangedV1))) is None


@pytest.mark.parametrize(
    ("late_by", "refused"),
    [(timedelta(0), False), (-CLOCKS_APART, False), (-CLOCKS_APART - timedelta(seconds=1), True),
     (timedelta(days=366), False)],
)  # fmt: skip
def test_an_event_from_the_future_is_refused_and_one_of_last_year_is_not(late_by: timedelta, refused: bool):
    at = datetime(2026, 4, 30, 10, tzinfo=UTC)
    one = message(example(OrderPaidV1).model_copy(update={"occurred_at": at - late_by}), published_at=at)
    if refused:
        with pytest.raises(MalformedMessage, match="ten minutes"):
            ARRIVALS.fact(one)
    else:
        assert ARRIVALS.fact(one)


def test_a_price_may_be_known_before_it_holds():
    at = datetime(2026, 4, 30, 10, tzinfo=UTC)
    planned = example(PriceChangedV1).model_copy(update={"effective_at": at + timedelta(days=2)})
    assert ARRIVALS.fact(message(planned, published_at=at))


def test_moments_are_as_the_store_gives_them_back():
    at = datetime(2026, 4, 30, 18, 0, 0, 123_987, tzinfo=timezone(timedelta(hours=8)))
    fact = ARRIVALS.fact(message(example(PriceChangedV1).model_copy(update={"effective_at": at})))
    assert fact is not None
    assert isinstance(fact.event, facts.PriceChanged)
    assert (fact.event.effective_at.tzinfo, fact.event.effective_at.microsecond) == (UTC, 123_000)


def test_a_fact_is_added_once():
    view, one = StationHours(), ARRIVALS.fact(message(example(OrderPaidV1)))
    assert one is not None
    [key] = view.keys(one)
    first = add(view, key, None, [one, one])
    assert first is not None
    assert (first.document["orders"], first.seen) == (1, {one.id})
    assert add(view, key, first, [one]) is None


def test_equal_documents_are_written_alike():
    one, other = {"b": {"y": 1, "x": [{"q": 1, "p": 2}]}, "a": 1}, {"a": 1, "b": {"x": [{"p": 2, "q": 1}], "y": 1}}
    assert repr(canonical(one)) == repr(canonical(other)) == repr(other)


def test_a_document_that_was_in_the_store_is_written_as_before():
    document = {"at": datetime(2026, 4, 30, tzinfo=UTC), "id": new_id(), "large": 2**40, "packed": b"\xff", "s": [1]}
    raw = bson.encode(document, codec_options=CODEC)
    assert bson.encode(canonical(bson.decode(raw, CODEC)), codec_options=CODEC) == raw


class Latest(StationHours):
    """A view that is wrong: it keeps what came last."""

    def fold(self, document: dict[str, Any], facts: Any) -> None:
        document["last"] = facts[-1].id


@pytest.mark.parametrize("view", [StationHours, Latest])
def test_the_kit_tells_a_view_that_depends_on_the_order(view: Callable[[], StationHours]):
    events = [example(OrderPaidV1).model_copy(update={"order_id": new_id()}) for _ in range(6)]
    if view is Latest:
        with pytest.raises(AssertionError, match="order of events"):
            folded(view(), *events)
    else:
        assert [one["orders"] for one in folded(view(), *events).values()] == [6]


def test_what_was_folded_stays_as_it_was_where_nothing_is_new():
    folded_before = Folded({"orders": 1}, {b"0" * 16})
    assert add(StationHours(), "key", folded_before, []) is None
    assert folded_before.document == {"orders": 1}
