"""Events come from Kafka into the views, once each, whatever happens to who reads them."""

import asyncio
from contextlib import suppress

from analytics.consumer import ViewReader
from analytics.domain.folds.station_hours import StationHours
from analytics.domain.views import Document
from analytics.settings import Settings
from analytics.use_cases.context import Analytics as Process
from analytics.use_cases.freshness import complete_until
from schemas.events import PumpStatusChangedV1
from schemas.examples import EXAMPLES
from servicekit.ids import new_id
from servicekit.mongo import MongoStore
from servicekit.store import DeadLetter
from servicekit.testkit import KafkaProbe, eventually

from .conftest import Analytics
from .stream_kit import as_topics_are, purchases
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
        return await contents_of(analytics.process, station) == expected

    assert await eventually(all_are_in)


async def test_views_say_until_when_they_are_complete(analytics: Analytics):
    """Nothing waits: they are complete until just now, and stay so without any event."""
    event_id = await analytics.kafka.publish(next(e for e, *_ in EXAMPLES if isinstance(e, PumpStatusChangedV1)))
    [published] = [one for one in await analytics.kafka.read("stations.pumps") if one.headers["ce_id"] == event_id]

    async def is_past() -> bool:
        until = await complete_until(analytics.process, ["stations.pumps", "payments.orders"])
        return until is not None and until > published.published_at

    assert await eventually(is_past)


async def test_a_message_that_was_set_aside_is_folded_when_it_is_asked_for(analytics: Analytics):
    """By the running service, and only by who set it aside: the other consumer takes no such letter for its own."""
    station = new_id()
    [one] = purchases([station], 1)
    await analytics.store.bury("analytics.station-hours", one, "ValueError('was wrong')")

    async def letter(status: str) -> DeadLetter | None:
        found = await analytics.store.dead_letters(status, 1000, ["analytics.station-hours"])  # pyright: ignore[reportArgumentType]
        return next((each for each in found if each.message.key == one.key), None)

    waiting = await letter("waiting")
    assert waiting is not None
    await analytics.store.request_replay([waiting.id], "tester")
    assert await eventually(lambda: letter("replayed"))
    assert await contents_of(analytics.process, station) == folded(VIEW, one, pseudonyms=analytics.process.pseudonyms)


async def test_the_share_of_a_reader_that_ends_in_the_middle_moves_on(settings: Settings, kafka: KafkaProbe):
    """Two share the partitions; one is cancelled, its last offsets not committed. Nothing is lost or counted twice."""
    stations = [new_id() for _ in range(2)]
    events = purchases(stations, 400)
    async with MongoStore.connect(settings) as store:
        process = Process(settings, store)
        await process.views.prepare()
        one, other = (asyncio.create_task(ViewReader(process).run()) for _ in range(2))

        async def hours() -> dict[str, Document]:
            found = [await contents_of(process, station) for station in stations]
            return {key: hour for documents in found for key, hour in documents.items()}

        try:
            await kafka.write(as_topics_are(events, seed=3))
            await eventually(hours)
            await _end(one)
            await kafka.write(as_topics_are(events, seed=4))
            expected = folded(VIEW, *events, pseudonyms=process.pseudonyms)

            async def all_are_in() -> bool:
                return await hours() == expected

            assert await eventually(all_are_in, timeout_seconds=30)
        finally:
            await _end(one)
            await _end(other)


async def _end(task: "asyncio.Task[None]") -> None:
    """aiokafka may take a cancellation for its own task's: again, until it has ended."""
    while not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=1.0)
