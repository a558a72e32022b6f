"""What a replay sees of its reports' events, on the real Kafka."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from feeds.watching import EventWatch
from local_stack.config import Config
from local_stack.environment import kafka_credentials
from schemas.base import Event
from schemas.catalogue import OBSERVER
from schemas.events import PriceChangedV1, PriceConfirmedV1
from schemas.vocabulary import Fuel
from servicekit.ids import new_id
from servicekit.testkit import KafkaProbe, eventually


async def test_confirmations_are_passed_over_and_changes_counted(infrastructure: Config):
    kafka = KafkaProbe(kafka_credentials(infrastructure, "admin"))
    watch = EventWatch(kafka_credentials(infrastructure, OBSERVER))
    station_id, report_id, now = new_id(), str(new_id()), datetime.now(UTC)
    changed = PriceChangedV1(
        station_id=station_id, fuel=Fuel.E5, version=1, price_mills=1_700, previous_price_mills=None, currency="EUR",
        report_id=report_id, effective_at=now, submitted_at=now, received_at=now,
    )  # fmt: skip
    confirmed = PriceConfirmedV1(station_id=station_id, fuel=Fuel.E5, version=1, confirmed_at=now)
    events: list[Event] = [confirmed, changed]
    await watch.start()
    reading = asyncio.create_task(watch.run())
    try:
        for event in events:
            await kafka.send("pricing.prices", event.to_json(), key=str(station_id).encode())

        async def seen() -> int | None:
            return watch.seen["pricing.prices"].get(report_id)

        assert await eventually(seen) == 1
        assert not reading.done()
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
