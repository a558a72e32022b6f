"""The gateway's live stream reads its topics raw, without an inbox: it takes every golden record too."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.boxes import Box
from gateway.feed import PRICES, STATIONS, make_reader
from gateway.hub import Hub
from gateway.settings import Settings
from gateway.subscriber import Interest
from local_stack.config import Config
from local_stack.environment import service_environment
from schemas.events import (
    PriceChangedV1,
    PriceConfirmedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
)
from servicekit.telemetry import CONSUMED
from servicekit.testkit import Issuer, KafkaProbe, eventually, settings_from

from .golden import GOLDEN, Golden

READ_BY_THE_GATEWAY = frozenset(
    {PriceChangedV1, PriceConfirmedV1, StationClosedV1, StationRegisteredV1, StationUpdatedV1}
)
"""Of these it passes over PriceConfirmed: a reader of the stream waits for changes."""
CHANGES = [golden for golden in GOLDEN if golden.entry.event is PriceChangedV1]
STATION_STATES = sorted(
    (golden for golden in GOLDEN if golden.topic.name == STATIONS), key=lambda one: "Closed" not in str(one)
)
"""The closures first, so that the station is open in the end and its prices are pushed to boxes."""


def malformed() -> float:
    """How many records the feed could not read."""
    return sum(CONSUMED.labels("gateway", topic, "malformed")._value.get() for topic in (PRICES, STATIONS))


class Texts:
    """A connection that takes everything at once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, data: bytes) -> None:
        """Keeps what is sent."""
        self.texts.append(data.decode())

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def close(self) -> None:
        """Nothing to close."""

    abort = close


@asynccontextmanager
async def reading(hub: Hub, box: Box) -> AsyncIterator[list[str]]:
    """What a reader of the box is sent."""
    subscriber = await hub.subscribe(Interest(frozenset(), box, None), "contract", None)
    sink = Texts()
    subscriber.opened(sink)
    yield sink.texts
    subscriber.closed()


@pytest.fixture
async def hub(infrastructure: Config, issuer: Issuer, kafka: KafkaProbe) -> AsyncIterator[Hub]:
    """A live stream that knows the golden stations."""
    for golden in STATION_STATES:
        await golden.send(kafka, issuer, added_in_a_later_release={"x": [1]})
    settings = settings_from(Settings, service_environment(infrastructure, "gateway"))
    hub = Hub(settings)
    feed = asyncio.create_task(make_reader(settings, hub).run())
    yield hub
    feed.cancel()
    await asyncio.gather(feed, return_exceptions=True)


@pytest.mark.parametrize("golden", CHANGES, ids=str)
async def test_the_live_stream_takes_every_golden_record(hub: Hub, golden: Golden, kafka: KafkaProbe, issuer: Issuer):
    before = malformed()
    async with reading(hub, Box(13.0, 52.0, 14.0, 53.0)) as texts:
        await golden.send(kafka, issuer, added_in_a_later_release={"x": [1]})

        async def pushed() -> str | None:
            events = [line for line in "".join(texts).splitlines() if line.startswith("data: ")]
            return events[-1] if events else None

        event = json.loads((await eventually(pushed) or "").removeprefix("data: "))
    del event["published_at"]
    assert event == {name: golden.value[name] for name in event}
    assert malformed() == before
