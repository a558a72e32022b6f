"""What the service learns from topics: the events that views are folded from."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError

from analytics.agents import Agents, running_agents
from analytics.domain.catalogue import VIEWS
from analytics.domain.sources import FACTS as FACTS
from analytics.domain.sources import TOPICS as TOPICS
from analytics.domain.views import View
from analytics.repository.progress import Partition, ProgressRepository, Reached
from analytics.use_cases.context import Analytics
from analytics.use_cases.folding import Folding
from servicekit.envelope import Message
from servicekit.kafka import Interrupted
from servicekit.reading import GroupReader, Replays
from servicekit.store import StoreUnavailable
from servicekit.telemetry import CONSUMED, consumer_spans

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
MAX_RECORDS, MAX_BYTES = 16_000, 16 * 1024 * 1024
"""Who is behind folds many at once: a document is read and written once for all its facts among them."""


class ViewReader(GroupReader):
    """Reads what views are folded from, in the group `analytics.views`: workers share the partitions.

    Offsets are committed behind the views. What is read again, after a crash or by another worker, is in them already.
    """

    name = "views"
    max_records, max_bytes = MAX_RECORDS, MAX_BYTES

    def __init__(
        self, analytics: Analytics, views: Sequence[View] = VIEWS, topics: Sequence[str] = TOPICS
    ) -> None:  # fmt: skip
        self._folding = Folding(analytics, views)
        super().__init__(analytics.settings, self._folding.consumer, topics)
        self._agents: Agents | None = None
        self._replays = Replays(analytics.store, self._folding.consumers, self._folding.replay)
        self._progress = Progress(ProgressRepository(analytics.store))

    async def run(self) -> None:
        """Reads until cancelled, and has its agents fold."""
        async with running_agents(self._settings.service, self._folding.views) as self._agents:
            await super().run()

    async def _process(self, messages: Sequence[Message]) -> None:
        if self._agents is None:
            raise Interrupted("no agent runs")
        arrived = await self._folding.read(messages)
        with consumer_spans([one.message.traceparent for one in arrived]):
            await self._agents.fold(arrived)
        self._progress.note(messages)
        self._count(Counter(one.topic for one in messages), Counter(one.message.topic for one in arrived))

    def _count(self, all_by_topic: Counter[str], folded_by_topic: Counter[str]) -> None:
        for topic, number in all_by_topic.items():
            folded = folded_by_topic[topic]
            CONSUMED.labels(self._settings.service, topic, "handled").inc(folded)
            CONSUMED.labels(self._settings.service, topic, "seen_before_or_unknown").inc(number - folded)

    async def _turned(self, client: AIOKafkaConsumer) -> None:
        await self._replays.take_up()
        await self._progress.save_when_due(client)


class Progress:
    """Says now and then how far this worker has folded its partitions."""

    def __init__(self, repository: ProgressRepository) -> None:
        self._repository = repository
        self._folded_until: dict[Partition, datetime] = {}
        self._saved_at = 0.0

    def note(self, messages: Sequence[Message]) -> None:
        """They are folded, or set aside."""
        self._folded_until |= {(one.topic, one.partition): one.published_at for one in messages}

    async def save_when_due(self, client: AIOKafkaConsumer) -> None:
        """Called once a turn, when all that was read is folded."""
        if time.monotonic() - self._saved_at < PROGRESS_SECONDS:
            return
        self._saved_at = time.monotonic()
        try:
            if reached := await self._reached(client):
                await self._repository.save(reached)
        except IllegalStateError as error:
            log.info("progress not noted, a rebalance came first", extra={"error": repr(error)})
        except StoreUnavailable as error:
            log.warning("progress not noted, the database is away", extra={"error": str(error)})

    async def _reached(self, client: AIOKafkaConsumer) -> dict[Partition, Reached]:
        """Where nothing waits, all is folded that Kafka had when it was asked."""
        assigned, asked_at = client.assignment(), datetime.now(UTC)
        ends = await client.end_offsets(assigned) if assigned else {}
        reached: dict[Partition, Reached] = {}
        for partition, end in ends.items():
            place, position = (partition.topic, partition.partition), await client.position(partition)
            until = asked_at if position >= end else self._folded_until.get(place)
            if until is not None:
                reached[place] = Reached(until, position)
        return reached
