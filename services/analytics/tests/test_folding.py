"""Events get into the documents of views once each, whatever comes between."""

from typing import Any
from uuid import UUID

import bson

from analytics.domain.folds.station_hours import StationHours
from analytics.domain.sources import FACTS
from schemas.base import Event
from schemas.examples import EXAMPLES
from servicekit.ids import new_id
from servicekit.mongo import CODEC

from .conftest import Analytics
from .view_kit import folded, message, take

VIEW = StationHours()


def orders_at(station: UUID) -> list[Event]:
    """The golden examples of events about orders, as if they were of this station."""
    examples = [event for pair in EXAMPLES for event in pair if FACTS.get(type(event)) in VIEW.events]
    return [event.model_copy(update={"station_id": station}) for event in examples]


async def documents_of(analytics: Analytics, station: UUID) -> dict[str, bytes]:
    collection = await analytics.process.views.collection(VIEW.name)
    found = await collection.find({"station_id": station}).to_list(None)
    return {one["_id"]: bson.encode(one, codec_options=CODEC) for one in found}


async def test_the_store_has_what_memory_has(analytics: Analytics):
    station = new_id()
    messages = [message(event) for event in orders_at(station)]
    await take(analytics, *messages)
    collection = await analytics.process.views.collection(VIEW.name)
    found: list[dict[str, Any]] = await collection.find({"station_id": station}, {"n": 0, "seen": 0}).to_list(None)
    assert {one.pop("_id"): one for one in found} == folded(VIEW, *messages, pseudonyms=analytics.process.pseudonyms)
