"""What the live streams learn from Kafka: prices to push, and where their stations lie."""

from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer

from gateway.hub import Hub
from gateway.settings import Settings
from schemas.catalogue import topic_of
from schemas.events import PriceChangedV1, StationClosedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.live import LiveReader

PRICES = topic_of(PriceChangedV1).name
STATIONS = topic_of(StationUpdatedV1).name
PRICE_CHANGED = ("ce_type", PriceChangedV1.type().encode())
STATION_CLOSED = ("ce_type", StationClosedV1.type().encode())
STATION_KNOWN = frozenset(("ce_type", event.type().encode()) for event in (StationRegisteredV1, StationUpdatedV1))


class _Place(msgspec.Struct):
    station_id: str
    lat: float
    lon: float


class Feed:
    """Keeps the hub's prices and stations current; a servicekit.live.Memory."""

    def __init__(self, settings: Settings, hub: Hub) -> None:
        self._history_events = settings.stream_history_events
        self._hub = hub

    async def seek(self, client: AIOKafkaConsumer) -> None:
        """Stations from the oldest, prices from where the history ends."""
        assigned = client.assignment()
        prices = sorted(partition for partition in assigned if partition.topic == PRICES)
        begins, ends = await client.beginning_offsets(assigned), await client.end_offsets(assigned)
        for partition in assigned:
            client.seek(partition, begins[partition])
        known = self._hub.history.position
        inside = len(known) == len(prices) and all(
            begins[partition] <= at <= ends[partition] for partition, at in zip(prices, known, strict=True)
        )
        if not inside:
            share = self._history_events // len(prices)
            known = tuple(max(begins[partition], ends[partition] - share) for partition in prices)
            self._hub.restart(known)
        for partition, at in zip(prices, known, strict=True):
            client.seek(partition, at)

    def take(self, record: Any) -> None:
        """One record of either topic."""
        if record.topic == PRICES:
            self._take_price(record)
        else:
            self._take_station(record)

    def caught_up(self) -> None:
        """From now on readers may come: the hub knows where stations lie."""
        self._hub.loaded.set()

    def _take_price(self, record: Any) -> None:
        if PRICE_CHANGED in record.headers:
            self._hub.publish(record.partition, record.offset, record.key or b"", record.value or b"", record.timestamp)
        else:
            self._hub.history.advance(record.partition, record.offset)

    def _take_station(self, record: Any) -> None:
        if STATION_CLOSED in record.headers or record.value is None:
            self._hub.remove((record.key or b"").decode())
        elif not STATION_KNOWN.isdisjoint(record.headers):
            place = msgspec.json.decode(record.value, type=_Place)
            self._hub.place(place.station_id, place.lat, place.lon)


def make_reader(settings: Settings, hub: Hub) -> LiveReader:
    """The loop that keeps the hub current."""
    return LiveReader(settings, (PRICES, STATIONS), Feed(settings, hub))
