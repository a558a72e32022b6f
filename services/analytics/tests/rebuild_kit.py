"""A view, a topic and workers that are a test's own, so that it may delete, spoil and rebuild what it likes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from pydantic import SecretStr

from analytics.domain.folds.driver_months import DriverMonths
from analytics.domain.folds.station_hours import StationHours
from analytics.domain.views import View
from analytics.repository.views import Views
from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from analytics.use_cases.folding import Folding
from analytics.use_cases.rebuilding import Rebuilt, Wishes, rebuild
from local_stack.config import Config
from local_stack.environment import kafka_credentials
from schemas.base import Event
from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.mongo import MongoStore
from servicekit.reading import GroupReader
from servicekit.testkit import eventually
from servicekit.whole_topics import WholeTopics

from .view_kit import folded, message

PARTITIONS = 2


class OwnHours(StationHours):
    """Hours of stations under a name of the test's own."""

    def __init__(self) -> None:
        number = new_id().hex
        self.name, self.collection = f"hours-{number}", f"hours_{number}"


class OwnMonths(DriverMonths):
    """Months of drivers under a name of the test's own."""

    def __init__(self) -> None:
        number = new_id().hex
        self.name, self.collection = f"months-{number}", f"months_{number}"


class Worker(GroupReader):
    """Folds the topic as the service's workers do; it knows of generations what it has read itself."""

    name = "a test's worker"

    def __init__(self, process: Analytics, view: View, topic: str) -> None:
        self.folding = Folding(process, (view,))
        super().__init__(process.settings, self.folding.consumer, [topic])

    async def _process(self, messages: Sequence[Message]) -> None:
        await self.folding.take(messages)


class Ground:
    """What a test of rebuilding stands on."""

    def __init__(self, settings: Settings, store: MongoStore, topic: str, kafka: tuple[Any, Any]) -> None:
        self.settings, self.store, self.topic = settings, store, topic
        self.view: View = OwnHours()
        self.published: list[Message] = []
        self._producer, self._admin = kafka

    def process(self) -> Analytics:
        """Another process of the service."""
        process = Analytics(self.settings, self.store)
        process.views = Views(self.store, (self.view,))
        return process

    async def publish(self, *events: Event, at: datetime | None = None) -> list[Message]:
        """Puts events on the topic, published when they say that they happened."""
        messages = [message(event, at) for event in events]
        await self.send(messages)
        self.published += messages
        return messages

    async def send(self, messages: Sequence[Message]) -> None:
        """Puts records on the topic, whatever they are."""
        for number, one in enumerate(messages):
            await self._producer.send(
                self.topic, one.value, key=one.key, partition=number % PARTITIONS,
                timestamp_ms=int(one.published_at.timestamp() * 1000),
                headers=[(name, text.encode()) for name, text in one.headers.items()],
            )  # fmt: skip
        await self._producer.flush()

    async def forget_all_published(self) -> None:
        """Deletes what is on the topic, as its retention does."""
        async with WholeTopics.opened(self.settings, [self.topic]) as whole:
            ends = await whole.ends()
        await self._admin.delete_records({one: RecordsToDelete(end) for one, end in ends.items()})

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        """A worker that reads until the end of the block."""
        process = self.process()
        await process.views.prepare()
        worker = Worker(process, self.view, self.topic)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def rebuild(self, **wishes: Any) -> Rebuilt:
        """As the command does it."""
        wished = Wishes(topics=(self.topic,), **wishes)
        return await rebuild(self.process(), self.view, wished, lambda *_: None)

    async def documents(self) -> dict[str, dict[str, Any]]:
        """What serves, as it is stored."""
        collection = await self.process().views.collection(self.view.name)
        return {one["_id"]: one async for one in collection.find()}

    async def figures(self) -> dict[str, dict[str, Any]]:
        """What serves, without what the folding keeps."""
        return {key: _without_plumbing(one) for key, one in (await self.documents()).items()}

    def expected(self) -> Mapping[str, Any]:
        """The documents of all that was published."""
        return folded(self.view, *self.published, pseudonyms=self.process().pseudonyms)

    async def all_is_folded(self) -> None:
        """Returns when what serves has all that was published."""
        expected = self.expected()

        async def is_equal() -> bool:
            return await self.figures() == expected

        await eventually(is_equal)

    async def remove_view(self) -> None:
        """Whatever there is of it in the store."""
        for name in await self.collections():
            await self.store.database.drop_collection(name)
        await self.store.database.views.delete_one({"_id": self.view.name})

    async def collections(self) -> list[str]:
        """The collections of the view's generations."""
        names = await self.store.database.list_collection_names()
        return [name for name in names if name.startswith(f"{self.view.collection}.")]


def _without_plumbing(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("_id", "n", "seen")}


@asynccontextmanager
async def ground(config: Config, settings: Settings, store: MongoStore) -> AsyncIterator[Ground]:
    """It is gone afterwards."""
    credentials = kafka_credentials(config, "admin")
    own = settings.model_copy(update={
        "service": f"analytics.{new_id().hex}", "kafka_username": "admin",
        "kafka_password": SecretStr(credentials["sasl_plain_password"]),
    })  # fmt: skip
    admin = AIOKafkaAdminClient(**credentials)
    producer = AIOKafkaProducer(**credentials)
    await admin.start()
    await producer.start()
    topic = f"test.{new_id().hex}"
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs={"retention.ms": "-1"})])
        made = Ground(own, store, topic, (producer, admin))
        await made.process().views.prepare()
        yield made
        await made.remove_view()
    finally:
        await producer.stop()
        await admin.delete_topics([topic])
        await admin.close()
