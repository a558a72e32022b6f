"""Events come from Kafka into the views, once each, whatever happens to who reads them."""

from analytics.domain.folds.station_hours import StationHours
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import Analytics
from .test_folding import contents_of, orders_at
from .view_kit import folded

VIEW = StationHours()


async def test_events_from_kafka_are_in_the_view(analytics: Analytics):
    station = new_id()
    events = orders_at(station)
    expected = folded(VIEW, *events, pseudonyms=analytics.process.pseudonyms)
    for event in events:
        await analytics.kafka.publish(event)

    async def all_are_in() -> bool:
        return await contents_of(analytics, station) == expected

    assert await eventually(all_are_in)
