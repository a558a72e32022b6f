"""Keeping this replica's search index current: loaded from the store, then told of every change."""

import asyncio
import logging
import time
from collections.abc import Iterable
from uuid import UUID

from schemas.events import (
    CampaignEndedV1,
    CampaignPublishedV1,
    PriceChangedV1,
    PriceConfirmedV1,
    PumpStatusChangedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
)
from servicekit.backoff import Backoff
from servicekit.problems import Unavailable
from servicekit.store import StoreUnavailable
from stations.domain.index.grades import Price, milliseconds
from stations.domain.index.index import StationIndex
from stations.domain.index.pumps import PumpState
from stations.domain.stations import Station
from stations.repository.search import StationSearch

log = logging.getLogger(__name__)

FETCHED_AT_ONCE = 500
SHORTEST_PAUSE_SECONDS = 1.0
PAUSE_SHARE = 10
"""Between two trees passes ten times as long as one takes, so that moving stations never cost more than a tenth."""


class Indexer:
    """The index with all that feeds it. Events may come twice, late, and before the store shows what they tell."""

    def __init__(self, store: StationSearch, index: StationIndex) -> None:
        self.index = index
        self.loaded = asyncio.Event()
        self._store = store
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()

    async def is_loaded(self) -> bool:
        """Whether the index holds all there was when it began."""
        return self.loaded.is_set()

    async def check(self) -> None:
        """The same as `require_loaded`, for /readyz."""
        self.require_loaded()

    def require_loaded(self) -> None:
        """Raises Problem 503 while it is loading."""
        if not self.loaded.is_set():
            raise Unavailable("The search, which is still loading,")

    async def load(self) -> None:
        """Reads all stations; waits as long as the store is away."""
        backoff, started_at = Backoff(), time.monotonic()
        while True:
            try:
                async for batch in self._store.everything():
                    for station, prices in batch:
                        self.index.put(station, prices)
                    await asyncio.sleep(0)
                break
            except StoreUnavailable as error:
                log.warning("the index waits for its store", extra={"error": str(error)})
                await backoff.wait()
        await self._build_tree()
        size = {"stations": len(self.index), "mebibytes": self.index.bytes >> 20}
        log.info("index loaded", extra={**size, "seconds": round(time.monotonic() - started_at, 1)})

    async def keep_stations(self) -> None:
        """Fetches stations that changed elsewhere, for ever."""
        backoff = Backoff()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := [self._changed.pop() for _ in range(min(FETCHED_AT_ONCE, len(self._changed)))]:
                try:
                    for station, prices in await self._store.some(batch):
                        self.index.put(station, prices)
                    backoff = Backoff()
                except StoreUnavailable as error:
                    log.warning("changed stations wait for their store", extra={"error": str(error)})
                    self._changed.update(batch)
                    await backoff.wait()

    async def keep_tree(self) -> None:
        """Builds a new tree when stations came or moved, for ever; until then they are searched one by one."""
        pause_seconds = SHORTEST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause_seconds)
            if self.loaded.is_set() and self.index.space.beside:
                started_at = time.monotonic()
                await self._build_tree()
                pause_seconds = max(SHORTEST_PAUSE_SECONDS, PAUSE_SHARE * (time.monotonic() - started_at))

    async def _build_tree(self) -> None:
        snapshot = self.index.space.snapshot()
        self.index.space.adopt(snapshot, await asyncio.to_thread(snapshot.tree))

    def take_saved(self, stations: Iterable[Station]) -> None:
        """Stations that this replica has just stored: whoever stored them finds them at once."""
        for station in stations:
            self.index.put(station)

    def take_station(self, event: StationRegisteredV1 | StationUpdatedV1, published_ms: int) -> None:
        """A station is new or has changed: the store, which was written first, knows all of it."""
        if not self.index.knows(event.station_id, event.version):
            self._changed.add(event.station_id)
            self._wake.set()

    def take_closure(self, event: StationClosedV1, published_ms: int) -> None:
        """A station closed for good."""
        self.index.remove(event.station_id, event.version)

    def take_pump(self, event: PumpStatusChangedV1, published_ms: int) -> None:
        """A pump does something else."""
        state = PumpState(event.pump_id, event.version, event.status, event.fuels, event.waiting_vehicles)
        self.index.pump(event.station_id, state)

    def take_price(self, event: PriceChangedV1, published_ms: int) -> None:
        """A price changed."""
        effective = milliseconds(event.effective_at)
        price = Price(
            event.version, event.price_mills or 0, event.currency, effective, milliseconds(event.submitted_at),
            milliseconds(event.received_at), published_ms, effective,
        )  # fmt: skip
        self.index.price(event.station_id, event.fuel, price)

    def take_confirmation(self, event: PriceConfirmedV1, published_ms: int) -> None:
        """A price still holds."""
        self.index.confirm(event.station_id, event.fuel, event.version, milliseconds(event.confirmed_at))

    def take_campaign(self, event: CampaignPublishedV1, published_ms: int) -> None:
        """A campaign holds, or holds on other terms."""
        self.index.campaigns.publish(event)

    def take_campaign_end(self, event: CampaignEndedV1, published_ms: int) -> None:
        """A campaign gives nothing more."""
        self.index.campaigns.end(event)
