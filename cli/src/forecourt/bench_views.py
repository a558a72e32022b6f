"""`bench views`: folding orders into views beside a plain Faust table, a rebuild, and how soon an event is seen.

Both read the same day of orders from the same topic, one after the other, from their first event on: the stream
processor's own reader, with its agents, its commits and MongoDB behind it, and the app of bench_views_peer. Topic and
database are the benchmark's own. Then the one million events of the topic are folded into a new generation, as
`./forecourt rebuild-view` does it. How soon an event is seen is measured in the same way, on a topic that is empty at
first. The report is measured at the running platform.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import psutil
from aiokafka.admin import AIOKafkaAdminClient
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import SecretStr

from analytics.consumer import ViewReader
from analytics.domain.catalogue import VIEW_BY_NAME, VIEWS
from analytics.domain.views import View
from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from analytics.use_cases.rebuilding import Wishes, rebuild
from forecourt.bench_processes import family_seconds, mongo_root_url, process_seconds, running_part
from forecourt.bench_views_report import measure_report
from forecourt.bench_views_seen import measure_seen
from forecourt.bench_views_world import PARTITIONS, topic_of_orders
from forecourt.console import errors
from local_stack.config import Config, StackError
from local_stack.environment import kafka_credentials, service_environment
from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.interpreter import tune_interpreter
from servicekit.mongo import MongoStore
from servicekit.testkit import settings_from

EVENTS = 1_000_000
DAY_EVENTS = 376_000
"""The topic's first day: what both fold."""
ALL_VIEWS_EVENTS = 100_000
PEER_SECONDS, PEER_START_SECONDS = 30.0, 90.0
WANTED_RATIO = 5.0
DATABASE = "bench_views"
HOURS = VIEW_BY_NAME["station-hours"]

Figures = list[dict[str, Any]]


@dataclass(frozen=True)
class Speed:
    """Events that were folded, by the clock, and the processor time of who folded and of the store behind."""

    events: int
    seconds: float
    own: float
    store: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def each(self) -> str:
        """Microseconds of processor time an event."""
        return f"{self.own / self.events * 1e6:.0f} us, {self.store / self.events * 1e6:.0f} us in its store"


async def measure_views(config: Config) -> Figures:
    """All figures about views."""
    tune_interpreter()  # the reader runs in this process: as it does in a service
    async with topic_of_orders(config, EVENTS) as topic:
        peer = await _peer_speed(config, topic)
        errors.print(f"[dim]a plain Faust table: {peer.rate:,.0f} events/s, CPU an event: {peer.each}[/]")
        speeds: list[Speed] = []
        for views, events in (((HOURS,), DAY_EVENTS), (VIEWS, ALL_VIEWS_EVENTS)):
            async with _process(config) as analytics:
                speeds.append(await _speed(config, _Reader(analytics, views, topic, events)))
                errors.print(f"[dim]{len(views)} of our views: CPU an event: {speeds[-1].each}[/]")
        rebuilt = await _rebuild_figure(config, topic)
    seen = await _seen_figures(config)
    hours, all_views = speeds
    return [
        _beside("orders folded into hours of stations, floor: a plain Faust table", hours, peer, WANTED_RATIO),
        _beside(f"the same into all {len(VIEWS)} views, floor: one Faust table", all_views, peer, None),
        rebuilt, *seen, *await measure_report(config),
    ]  # fmt: skip


def _beside(figure: str, ours: Speed, peer: Speed, wanted: float | None) -> dict[str, Any]:
    ratio = ours.rate / peer.rate
    return {
        "figure": figure, "value": ours.rate, "unit": "/s", "floor": peer.rate, "ratio": ratio,
        "wanted": f">= {wanted:g} x" if wanted else "", "kept": ratio >= wanted if wanted else None,
    }  # fmt: skip


@asynccontextmanager
async def _process(config: Config) -> AsyncIterator[Analytics]:
    """A process of analytics that reads as an administrator, with an empty database that is gone afterwards."""
    settings = settings_from(
        Settings, service_environment(config, "analytics"), mongo_url=SecretStr(mongo_root_url(config)),
        mongo_database=DATABASE, service=f"analytics.bench-{new_id().hex}", kafka_username="admin",
        kafka_password=SecretStr(kafka_credentials(config, "admin")["sasl_plain_password"]),
    )  # fmt: skip
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(mongo_root_url(config))
    await client.drop_database(DATABASE)
    try:
        async with MongoStore.connect(settings) as store:
            analytics = Analytics(settings, store)
            await analytics.views.prepare()
            yield analytics
    finally:
        await client.drop_database(DATABASE)
        client.close()


class _Reader(ViewReader):
    """The service's reader, which notes how far it has come."""

    def __init__(self, analytics: Analytics, views: Sequence[View], topic: str, events: int) -> None:
        super().__init__(analytics, views, (topic,))
        self.began_at = 0.0
        self.events = 0
        self._wanted = events
        self.done = asyncio.Event()

    async def _process(self, messages: Sequence[Message]) -> None:
        self.began_at = self.began_at or monotonic()
        await super()._process(messages)
        self.events += len(messages)
        if self.events >= self._wanted:
            self.done.set()


async def _seen_figures(config: Config) -> Figures:
    """All views are folded meanwhile, by the reader that workers have."""
    async with topic_of_orders(config, 0) as topic, _process(config) as analytics:
        reading = asyncio.create_task(ViewReader(analytics, VIEWS, (topic,)).run())
        try:
            return await measure_seen(config, topic, analytics.views)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _speed(config: Config, reader: _Reader) -> Speed:
    """What the reader folds, from its first batch to the last one in the store."""
    mongod = running_part(config, "mongo")
    own, store = process_seconds(psutil.Process()), family_seconds(mongod)
    reading = asyncio.create_task(reader.run())
    ended = asyncio.create_task(reader.done.wait())
    try:
        await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            raise StackError(f"the views are not read any more: {reading.exception()!r}")
        seconds, events = monotonic() - reader.began_at, reader.events
    finally:
        ended.cancel()
        reading.cancel()
        await asyncio.gather(reading, ended, return_exceptions=True)
    own, store = process_seconds(psutil.Process()) - own, family_seconds(mongod) - store
    return Speed(events, seconds, own, store)


async def _peer_speed(config: Config, topic: str) -> Speed:
    """What a plain Faust app folds of the same day in half a minute, once it has begun."""
    credentials, name = kafka_credentials(config, "admin"), f"bench.faust-{new_id().hex}"
    broker = {
        "address": credentials["bootstrap_servers"], "username": credentials["sasl_plain_username"],
        "password": credentials["sasl_plain_password"],
    }  # fmt: skip
    kafka = running_part(config, "kafka")
    with tempfile.TemporaryDirectory() as folder:  # where Faust leaves its data
        peer = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "forecourt.bench_views_peer", topic, name, str(PARTITIONS),
            env={**os.environ, "BENCH_BROKER": json.dumps(broker)}, stdout=asyncio.subprocess.PIPE, cwd=folder,
        )  # fmt: skip
        try:
            first = await _line(peer, PEER_START_SECONDS)
            own, store, began = process_seconds(psutil.Process(peer.pid)), family_seconds(kafka), monotonic()
            last = first
            while monotonic() - began < PEER_SECONDS and last[0] < DAY_EVENTS:
                last = await _line(peer, PEER_START_SECONDS)
            own, store = process_seconds(psutil.Process(peer.pid)) - own, family_seconds(kafka) - store
            return Speed(int(last[0] - first[0]), last[1] - first[1], own, store)
        finally:
            with contextlib.suppress(ProcessLookupError):
                peer.kill()
            await peer.wait()
            await _forget_peer(config, name)


async def _line(peer: asyncio.subprocess.Process, patience_seconds: float) -> tuple[float, float]:
    """(events, seconds since the first), as the peer says next."""
    assert peer.stdout is not None  # noqa: S101 - it was asked for
    try:
        count, seconds = (await asyncio.wait_for(peer.stdout.readline(), patience_seconds)).split()
    except (TimeoutError, ValueError):
        raise StackError("the Faust app folds nothing; it says why above") from None
    return float(count), float(seconds)


async def _forget_peer(config: Config, name: str) -> None:
    """Deletes the topics that Faust made for its app."""
    admin = AIOKafkaAdminClient(**kafka_credentials(config, "admin"))
    await admin.start()
    try:
        await admin.delete_topics([one for one in await admin.list_topics() if one.startswith(name)])
    finally:
        await admin.close()


async def _rebuild_figure(config: Config, topic: str) -> dict[str, Any]:
    """The whole topic folded anew, as the command does it, but for what waits for readers of the old documents."""
    async with _process(config) as analytics:
        found = await rebuild(analytics, HOURS, Wishes(topics=(topic,)), lambda *_: None)
    if found.records < EVENTS:
        raise StackError(f"only {found.records:,} of {EVENTS:,} events were folded anew")
    errors.print(f"[dim]{found.records:,} events made {found.documents:,} hours anew in {found.seconds:.0f} s[/]")
    return {
        "figure": f"a rebuild of {EVENTS:,} events ({found.seconds:.0f} s)", "value": found.records / found.seconds,
        "unit": "/s", "floor": None, "ratio": None, "wanted": "", "kept": None,
    }  # fmt: skip
