"""Who listens to which prices: hands every price change to its readers, whole once, and drops readers that are slow."""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

from gateway.boxes import Box
from gateway.history import History
from gateway.settings import Settings
from gateway.sse import OPENING, Push, decode_position, position_frame, price_frame, reset_frame
from gateway.subscriber import Interest, Subscriber
from gateway.wire import chunk
from servicekit.problems import Problem, Unavailable
from servicekit.telemetry import STREAM_DROPPED, STREAM_EVENTS, STREAM_SUBSCRIBERS

log = logging.getLogger(__name__)

LOADING_SECONDS = 10.0
BEAT_GROUPS = 50
"""Heartbeats go out group by group, so that thousands of readers are not all written to at one moment."""


class Hub:
    """All readers of this replica, found by station or by box; each distinct box is tested once a change."""

    def __init__(self, settings: Settings) -> None:
        self.history = History(settings.stream_history_events)
        self.loaded = asyncio.Event()
        self._settings = settings
        self._stations: dict[str, tuple[float, float]] = {}
        self._by_station: dict[str, set[Subscriber]] = {}
        self._by_box: dict[Box, set[Subscriber]] = {}
        self._by_beat: list[set[Subscriber]] = [set() for _ in range(BEAT_GROUPS)]
        self._by_address: Counter[str] = Counter()
        self._next_beat = itertools.cycle(range(BEAT_GROUPS))

    def __len__(self) -> int:
        return self._by_address.total()

    def place(self, station_id: str, lat: float, lon: float) -> None:
        """A station is here. Beyond the bound new stations are left out of boxes."""
        if station_id in self._stations or len(self._stations) < self._settings.stream_max_stations:
            self._stations[station_id] = (lat, lon)
        else:
            log.error("too many stations for boxes: raise GATEWAY_STREAM_MAX_STATIONS", extra={"station": station_id})

    def remove(self, station_id: str) -> None:
        """A station is closed."""
        self._stations.pop(station_id, None)

    def publish(self, partition: int, offset: int, key: bytes, value: bytes, published_at_ms: int) -> None:
        """A PriceChanged record was read; its key is the station.

        Raises ValueError or KeyError where somebody listens and it is none; the position moves anyway.
        """
        self.history.advance(partition, offset)
        push = Push(partition, offset, key.decode(), value, published_at_ms, self.history.position)
        self.history.add(push)
        STREAM_EVENTS.inc()
        if readers := self._readers_of(push.station_id):
            fuel, frame = price_frame(push)
            encoded = chunk(frame)
            for reader in readers:
                wanted = reader.interest.fuel
                if (wanted is None or wanted == fuel) and not reader.offer(encoded):
                    self._drop(reader)

    def restart(self, position: tuple[int, ...]) -> None:
        """Kafka no longer has what came next: everyone must load the prices again."""
        self.history.restart(position)
        for group in self._by_beat:
            self._tell(group, reset_frame(position))

    async def subscribe(self, interest: Interest, address: str, last_event_id: str | None) -> Subscriber:
        """A new reader, which the caller must `unsubscribe`. Problem 429 or 503 where there are too many."""
        try:
            await asyncio.wait_for(self.loaded.wait(), LOADING_SECONDS)
        except TimeoutError:
            raise Unavailable("The live price feed", retry_after_seconds=5) from None
        self._check_room(address)
        opening = self._opening(interest, last_event_id)
        subscriber = Subscriber(interest, address, self._settings.stream_buffer_bytes, opening, self.unsubscribe)
        for readers in self._indexes(subscriber):
            readers.add(subscriber)
        subscriber.beat = next(self._next_beat)
        self._by_beat[subscriber.beat].add(subscriber)
        self._by_address[address] += 1
        STREAM_SUBSCRIBERS.set(len(self))
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forgets a reader; a second time does nothing."""
        if subscriber not in self._by_beat[subscriber.beat]:
            return
        self._by_beat[subscriber.beat].discard(subscriber)
        for readers in self._indexes(subscriber):
            readers.discard(subscriber)
        self._forget_empty(subscriber)
        STREAM_SUBSCRIBERS.set(len(self))

    def end(self) -> None:
        """Completes every stream, because this replica stops."""
        for group in self._by_beat:
            for subscriber in list(group):
                subscriber.end()

    async def keep_beating(self) -> None:
        """Heartbeats for everyone, for ever."""
        for group in itertools.cycle(self._by_beat):
            await asyncio.sleep(self._settings.stream_heartbeat_seconds / BEAT_GROUPS)
            self._tell(group, position_frame(self.history.position))

    def _opening(self, interest: Interest, last_event_id: str | None) -> list[bytes]:
        """What a reader gets first: what it missed since its last event, or that it missed too much."""
        position = self.history.position
        if not last_event_id:
            return [OPENING, position_frame(position)]
        known = decode_position(last_event_id)
        pushes = None if known is None else self.history.since(known)
        missed = None if pushes is None else list(self._frames(interest, pushes))
        if missed is None or sum(map(len, missed)) > self._settings.stream_buffer_bytes // 2:
            return [OPENING, reset_frame(position)]
        return [OPENING, *missed, position_frame(position)]

    def _frames(self, interest: Interest, pushes: Iterable[Push]) -> Iterator[bytes]:
        """The frames that a reader wants; one that cannot be read was counted when it came."""
        for push in pushes:
            if self._covers(interest, push.station_id):
                with suppress(ValueError, KeyError):
                    fuel, frame = price_frame(push)
                    if interest.fuel in (None, fuel):
                        yield frame

    def _covers(self, interest: Interest, station_id: str) -> bool:
        if interest.box is None:
            return station_id in interest.stations
        place = self._stations.get(station_id)
        return place is not None and interest.box.contains(*place)

    def _readers_of(self, station_id: str) -> list[Subscriber]:
        """Who listens to the station, whatever the grade."""
        readers = list(self._by_station.get(station_id, ()))
        if self._by_box and (place := self._stations.get(station_id)):
            for box, inside in self._by_box.items():
                if box.contains(*place):
                    readers += inside
        return readers

    def _indexes(self, subscriber: Subscriber) -> list[set[Subscriber]]:
        interest = subscriber.interest
        if interest.box is not None:
            return [self._by_box.setdefault(interest.box, set())]
        return [self._by_station.setdefault(station_id, set()) for station_id in interest.stations]

    def _forget_empty(self, subscriber: Subscriber) -> None:
        interest = subscriber.interest
        if interest.box is not None and not self._by_box[interest.box]:
            del self._by_box[interest.box]
        for station_id in interest.stations:
            if not self._by_station[station_id]:
                del self._by_station[station_id]
        self._by_address[subscriber.address] -= 1
        if not self._by_address[subscriber.address]:
            del self._by_address[subscriber.address]

    def _check_room(self, address: str) -> None:
        if len(self) >= self._settings.stream_connections:
            raise Unavailable("Room for another live price stream", retry_after_seconds=10)
        most = self._settings.stream_connections_per_address
        if self._by_address[address] >= most:
            detail = f"This address has {most} live price streams open; close one, or follow more stations with one."
            raise Problem(429, "too-many-streams", detail, headers={"Retry-After": "10"})

    def _tell(self, readers: Iterable[Subscriber], frame: bytes) -> None:
        encoded = chunk(frame)
        for reader in list(readers):
            if not reader.offer(encoded):
                self._drop(reader)

    def _drop(self, reader: Subscriber) -> None:
        STREAM_DROPPED.inc()
        self.unsubscribe(reader)
        reader.drop()
