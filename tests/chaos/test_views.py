"""kill -9 of a worker, of MongoDB and of Kafka while views are folded: they are as after a clean run."""

import asyncio
import random
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
from bson.raw_bson import RawBSONDocument

from analytics.domain.catalogue import VIEWS
from analytics.domain.views import View
from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from analytics.use_cases.folding import Folding
from local_stack.config import Config
from local_stack.environment import kafka_credentials, service_environment
from local_stack.ports import free_port
from schemas.base import rfc3339
from schemas.events import OrderPaidV1
from schemas.examples import EXAMPLES
from servicekit.envelope import Message, event_headers, source_of, to_record
from servicekit.ids import new_id
from servicekit.mongo import CODEC, MongoStore
from servicekit.testkit import KafkaProbe, eventually, settings_from

from ..platform_kit import forecourt, kill

ORDERS = 900
CLEAN = 9_001
RAW = CODEC.with_options(document_class=RawBSONDocument)
WORKER_DEATH_SECONDS = 60.0


async def test_views_survive_the_death_of_a_worker_of_mongodb_and_of_kafka(platform: Config) -> None:
    messages, kafka = _purchases(), KafkaProbe(kafka_credentials(platform, "admin"))
    settings = settings_from(Settings, service_environment(platform, "analytics"))
    async with _worker(platform) as worker, MongoStore.connect(settings) as store:
        analytics = Analytics(settings, store)

        async def folded() -> int:
            return len(await _bytes(analytics, VIEWS[0], None, messages))

        await kafka.write(messages[:300])
        await eventually(folded)
        worker.kill()
        for start, victim in ((300, "mongo"), (600, "kafka")):
            await kafka.write(messages[start - 100 : start + 300])  # a hundred of them once more
            kill(platform, victim)
            await asyncio.to_thread(forecourt, platform, "up")
        await _expect_equal(analytics, messages)


async def _expect_equal(analytics: Analytics, messages: Sequence[Message]) -> None:
    await Folding(analytics, VIEWS, {view.name: CLEAN for view in VIEWS}).take(messages)
    for view in VIEWS:
        clean = await _bytes(analytics, view, CLEAN, messages)

        async def is_equal(view: View = view, clean: dict[str, bytes] = clean) -> bool:
            return await _bytes(analytics, view, None, messages) == clean

        assert await eventually(is_equal, timeout_seconds=WORKER_DEATH_SECONDS), view.name
        await analytics.views.of(view, CLEAN).drop()


async def _bytes(
    analytics: Analytics, view: View, generation: int | None, messages: Sequence[Message]
) -> dict[str, bytes]:  # fmt: skip
    """What a generation, or what serves, has of the messages' stations and drivers."""
    chosen = generation or await analytics.views.serving(view.name)
    arrived = await Folding(analytics).read(messages)
    keys = {key for one in arrived if isinstance(one.fact.event, view.events) for key in view.keys(one.fact)}
    collection = analytics.store.database.get_collection(analytics.views.of(view, chosen).name, codec_options=RAW)
    return {document["_id"]: document.raw async for document in collection.find({"_id": {"$in": sorted(keys)}})}


@asynccontextmanager
async def _worker(config: Config) -> AsyncIterator[Process]:
    """A worker of its own beside the one in the service, which has got its share of the partitions."""
    port = free_port()
    environment = service_environment(config, "analytics") | {"ANALYTICS_PORT": str(port)}
    command = (sys.executable, "-m", "analytics.worker")
    worker = await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL, stderr=DEVNULL)

    async def has_a_share() -> bool:
        with suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
                return "forecourt_consumer_lag{" in await response.text()
        return False

    try:
        await eventually(has_a_share, timeout_seconds=60)
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


def _purchases() -> list[Message]:
    """Orders of two stations over a day, by forty drivers."""
    chance = random.Random(8)  # noqa: S311 - a made-up day
    paid = next(event for event, *_ in EXAMPLES if isinstance(event, OrderPaidV1))
    stations, drivers = [new_id() for _ in range(2)], [str(new_id()) for _ in range(40)]
    return [
        _message(paid.model_copy(update={
            "order_id": new_id(), "station_id": chance.choice(stations), "driver_id": chance.choice(drivers),
            "occurred_at": datetime(2026, 4, 30, tzinfo=UTC) + timedelta(seconds=chance.randrange(86_400)),
        }), new_id())
        for _ in range(ORDERS)
    ]  # fmt: skip


def _message(event: OrderPaidV1, event_id: UUID) -> Message:
    record, now = to_record(event, None), datetime.now(UTC)
    headers = event_headers(record, event_id, source_of(event.service).encode(), rfc3339(now).encode())
    texts = {name: raw.decode() for name, raw in headers}
    return Message(record.topic, 0, 0, record.key.encode(), record.payload, texts, now)
