"""Events become documents of views: in memory, or in the store of the running service as if they came from Kafka."""

import random
from datetime import UTC, datetime
from itertools import count
from typing import Any

import bson

from analytics.domain.folding import Folded, add, canonical
from analytics.domain.pseudonyms import Pseudonyms
from analytics.domain.views import Document, View
from analytics.use_cases.arriving import Arrivals
from analytics.use_cases.folding import Folding
from schemas.base import Event
from servicekit.envelope import Message, event_headers, source_of, to_record
from servicekit.ids import new_id
from servicekit.mongo import CODEC

PSEUDONYMS = Pseudonyms("a key for tests, and for nothing else", "views")
offsets = count()


def message(event: Event, published_at: datetime | None = None) -> Message:
    """The event as a consumer gets it; published when it happened, where that is not said."""
    at = published_at or getattr(event, "occurred_at", None) or datetime.now(UTC)
    record = to_record(event, None)
    headers = event_headers(record, new_id(), source_of(event.service).encode(), at.isoformat().encode())
    texts = {name: raw.decode() for name, raw in headers}
    return Message(record.topic, 0, next(offsets), record.key.encode(), record.payload, texts, at)


def folded(view: View, *events: Event | Message, pseudonyms: Pseudonyms = PSEUDONYMS) -> dict[str, Document]:
    """The view's documents of these events by their ids, as the store gives them back.

    They are folded in several orders, in batches and with duplicates: all must make the same bytes.
    """
    messages = [one if isinstance(one, Message) else message(one) for one in events]
    arrivals = Arrivals(pseudonyms)
    found = _fold(view, arrivals, messages, len(messages) or 1)
    for seed in range(3):
        order = random.Random(seed)  # noqa: S311 - an order is no secret
        shuffled = [*messages, *order.sample(messages, len(messages) // 2)]
        order.shuffle(shuffled)
        assert _fold(view, arrivals, shuffled, order.randint(1, 5)) == found, "the order of events makes a difference"
    return {key: bson.decode(raw, CODEC) for key, raw in found.items()}


def _fold(view: View, arrivals: Arrivals, messages: list[Message], size: int) -> dict[str, bytes]:
    """Documents as BSON, which go through the store between batches."""
    documents: dict[str, Folded] = {}
    for start in range(0, len(messages), size):
        facts = [fact for one in messages[start : start + size] if (fact := arrivals.fact(one))]
        for key in {key for fact in facts if isinstance(fact.event, view.events) for key in view.keys(fact)}:
            mine = [fact for fact in facts if isinstance(fact.event, view.events) and key in view.keys(fact)]
            if (changed := add(view, key, documents.get(key), mine)) is not None:
                documents[key] = Folded(_stored(changed.document), changed.seen)
    return {key: bson.encode(canonical(one.document), codec_options=CODEC) for key, one in documents.items()}


def _stored(document: Document) -> dict[str, Any]:
    return bson.decode(bson.encode(document, codec_options=CODEC), CODEC)


async def take(analytics: Any, *events: Event | Message) -> None:
    """Folds the events into the store of the running service (fixture `analytics`), as its workers do."""
    messages = [one if isinstance(one, Message) else message(one) for one in events]
    await Folding(analytics.process).take(messages)
