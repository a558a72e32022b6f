"""Who watches which orders: each step of an order reaches its driver and its station's board at once.

Postgres tells each replica of every step by the channel `orders`, in the order of commits; only steps that somebody
watches are read. Whoever was away goes on after the last step that was seen, on any replica.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from payments.repository import order_steps
from payments.repository.order_steps import SeenStep, StepKey
from payments.settings import StreamSettings
from servicekit.backoff import Backoff
from servicekit.postgres import PostgresStore
from servicekit.problems import Problem, Unavailable
from servicekit.store import StoreUnavailable
from servicekit.telemetry import ORDER_STREAMS, ORDER_STREAMS_DROPPED

log = logging.getLogger(__name__)

CHANNEL = "orders"
AT_ONCE = 500
MAX_UNREAD = 10_000
"""Steps that were told and not read yet; beyond, all who watch have to begin anew."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What somebody watches: one order, or all of a station."""

    order_id: UUID | None = None
    station_id: UUID | None = None


class Watch:
    """One reader, with a bounded queue of steps. `ended`: nothing more will come, and the reader should ask again."""

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[SeenStep | None] = asyncio.Queue(size)
        self.ended = asyncio.Event()

    def offer(self, step: SeenStep) -> bool:
        """Whether there was room."""
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(step)
            return True
        return False

    def end(self) -> None:
        """Wakes the reader for the last time."""
        self.ended.set()
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(None)

    async def next(self, patience_seconds: float) -> SeenStep | None:
        """The next step; None when it took too long, or has ended."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._queue.get(), patience_seconds)
        return None


class Live:
    """All who watch on this replica."""

    def __init__(self, store: PostgresStore, settings: StreamSettings) -> None:
        self._store = store
        self._settings = settings
        self._watches: defaultdict[Subject, set[Watch]] = defaultdict(set)
        self._by_caller: Counter[str] = Counter()
        self._told: list[StepKey] = []
        self._wake = asyncio.Event()
        self._listens = False

    async def run(self) -> None:
        """Listens for the life of the service. Who watches while the connection is lost must ask again: it catches up
        then."""
        backoff = Backoff()
        while True:
            try:
                async with self._store.listening(CHANNEL, self._hear) as lost:
                    self._listens = True
                    backoff = Backoff()
                    await self._deliver_until(lost)
            except StoreUnavailable as error:
                log.warning("the channel of orders is away", extra={"error": str(error)})
            finally:
                self._listens = False
                self.end()
            await backoff.wait()

    @contextmanager
    def watching(self, subject: Subject, caller: str) -> Iterator[Watch]:
        """A reader from now on. Raises Problem 429 or 503 where there are too many."""
        self._require_room(caller)
        watch = Watch(self._settings.queue_steps)
        self._watches[subject].add(watch)
        self._by_caller[caller] += 1
        ORDER_STREAMS.inc()
        try:
            yield watch
        finally:
            self._forget(subject, watch)
            self._by_caller[caller] -= 1
            self._by_caller += Counter()  # without those who have none
            ORDER_STREAMS.dec()

    def end(self) -> None:
        """Ends every stream; their readers go on elsewhere, or here."""
        for watches in list(self._watches.values()):
            for watch in watches:
                watch.end()

    def _require_room(self, caller: str) -> None:
        if not self._listens or self._by_caller.total() >= self._settings.connections:
            raise Unavailable("Room for another live stream of orders", retry_after_seconds=3)
        most = self._settings.connections_per_caller
        if self._by_caller[caller] >= most:
            detail = f"You have {most} live streams of orders open; close one of them."
            raise Problem(429, "too-many-streams", detail, headers={"Retry-After": "5"})

    def _forget(self, subject: Subject, watch: Watch) -> None:
        self._watches[subject].discard(watch)
        if not self._watches[subject]:
            del self._watches[subject]

    def _hear(self, notice: str) -> None:
        """A step was committed: `station|order|version`."""
        station, order, version = notice.split("|")
        subjects = Subject(order_id=UUID(order)), Subject(station_id=UUID(station))
        if not any(subject in self._watches for subject in subjects):
            return
        if len(self._told) >= MAX_UNREAD:
            log.error("too many steps wait to be read: all who watch have to begin anew")
            self._told.clear()
            return self.end()
        self._told.append((UUID(order), int(version)))
        self._wake.set()

    async def _deliver_until(self, lost: asyncio.Event) -> None:
        gone = asyncio.create_task(lost.wait())
        try:
            while not lost.is_set():
                woken = asyncio.create_task(self._wake.wait())
                await asyncio.wait({woken, gone}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
                await self._deliver()
        finally:
            gone.cancel()

    async def _deliver(self) -> None:
        """Reads what was told, and hands it on; what comes meanwhile is the next to be read."""
        self._wake.clear()
        while self._told:
            keys, self._told = self._told[:AT_ONCE], self._told[AT_ONCE:]
            async with self._store.connection() as connection:
                steps = await order_steps.named(connection, keys)
            for step in steps:
                self._hand_on(step)

    def _hand_on(self, step: SeenStep) -> None:
        order = step.order
        for subject in (Subject(order_id=order.order_id), Subject(station_id=order.station_id)):
            for watch in self._watches.get(subject, ()):
                if not watch.offer(step):
                    ORDER_STREAMS_DROPPED.inc()
                    watch.end()
