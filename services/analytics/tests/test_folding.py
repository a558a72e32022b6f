"""Events get into the documents of views once each, whatever comes between."""

from uuid import UUID

from analytics.domain.folds.station_hours import StationHours
from analytics.domain.sources import FACTS
from analytics.domain.views import Document
from analytics.use_cases.context import Analytics as Process
from schemas.base import Event
from schemas.examples import EXAMPLES
from servicekit.ids import new_id

from .conftest import Analytics
from .view_kit import folded, message, take

VIEW = StationHours()


def orders_at(station: UUID) -> list[Event]:
    """The golden examples of events about orders, as if they were of this station."""
    examples = [event for pair in EXAMPLES for event in pair if FACTS.get(type(event)) in VIEW.events]
    return [event.model_copy(update={"station_id": station}) for event in examples]


async def contents_of(process: Process, station: object) -> dict[str, Document]:
    """What the view has of the station, as `folded` gives it."""
    collection = await process.views.collection(VIEW.name)
    found = await collection.find({"station_id": station}, {"n": 0, "seen": 0}).to_list(None)
    return {one.pop("_id"): one for one in found}


async def test_the_store_has_what_memory_has(analytics: Analytics):
    station = new_id()
    messages = [message(event) for event in orders_at(station)]
    await take(analytics, *messages)
    assert await contents_of(analytics.process, station) == folded(
        VIEW, *messages, pseudonyms=analytics.process.pseudonyms
    )
