"""What loops that read in a group share: bounds, a watch on lag, offsets behind the effects, pauses and replays."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from servicekit import kafka
from servicekit.backoff import Backoff
from servicekit.envelope import Message
from servicekit.interpreter import expect_batches
from servicekit.settings import ServiceSettings
from servicekit.store import DeadLetter, Store, StoreUnavailable
from servicekit.telemetry import CONSUMER_LAG, CONSUMER_PAUSES

log = logging.getLogger(__name__)

MAX_BATCH = 2_000
MAX_TRANSACTION_BYTES = 2 * 1024 * 1024
POLL_MS = 200
COMMIT_SECONDS = 0.2
LAG_CHECK_SECONDS = 5.0
STALL_SECONDS = 30.0
REPLAY_CHECK_SECONDS = 1.0
REPLAY_BATCH = 100
MAX_ERROR_CHARACTERS = 2_000


class Stalled(kafka.Interrupted):
    """Messages wait but none arrives (aiokafka #1154 and kin): the client must be made anew."""


class GroupReader(kafka.ReadingLoop):
    """Reads topics in a group, one batch at a time; offsets are committed behind what `_process` did."""

    max_records, max_bytes = MAX_BATCH, MAX_TRANSACTION_BYTES
    """Of what `_process` gets at once."""

    def __init__(self, settings: ServiceSettings, group: str, topics: Sequence[str]) -> None:
        super().__init__()
        self.group = group
        self.measured_as = settings.service
        """Whose lag it is in metrics."""
        self._settings = settings
        self._topics = topics

    async def _run_client(self) -> None:
        expect_batches(self.max_records)
        client = kafka.make_consumer(self._settings, *self._topics, group=self.group)
        try:
            await client.start()
            watch, commits = LagWatch(client, self.measured_as), OffsetCommits(client)
            while True:
                batches = await client.getmany(timeout_ms=POLL_MS, max_records=self.max_records)
                self.note_progress()
                await watch.observe(bool(batches))
                if batches:
                    read = [Message.of(record) for records in batches.values() for record in records]
                    for messages in in_bounds(read, self.max_bytes):
                        await until_stored(partial(self._process, messages), self._settings.service, self.note_progress)
                    commits.note(batches)
                await commits.commit_when_due()
                await self._turned(client)
        finally:
            await client.stop()

    async def _process(self, messages: Sequence[Message]) -> None:
        """Does all that the messages ask for. Raises StoreUnavailable to be asked again."""
        raise NotImplementedError

    async def _turned(self, client: AIOKafkaConsumer) -> None:
        """What is to be done once a turn, when all that was read has been processed."""


class LagWatch:
    """Measures how far a client is behind, and raises Stalled when it is behind and nothing comes."""

    def __init__(self, client: AIOKafkaConsumer, service: str) -> None:
        self._client = client
        self._service = service
        self._moved_at = self._checked_at = time.monotonic()

    async def observe(self, moved: bool) -> None:
        """Called once a turn."""
        now = time.monotonic()
        if moved:
            self._moved_at = now
        if now - self._checked_at < LAG_CHECK_SECONDS:
            return
        self._checked_at = now
        lag = await self._measure()
        if lag == 0:
            self._moved_at = now
        elif now - self._moved_at > STALL_SECONDS:
            raise Stalled(f"{lag} messages wait and none arrived for {STALL_SECONDS} s")

    async def _measure(self) -> int:
        assigned = self._client.assignment()
        ends = await self._client.end_offsets(assigned) if assigned else {}
        total = 0
        for partition, end in ends.items():
            lag = end - await self._client.position(partition)
            CONSUMER_LAG.labels(self._service, partition.topic, partition.partition).set(lag)
            total += lag
        return total


def in_bounds(messages: Sequence[Message], max_bytes: int = MAX_TRANSACTION_BYTES) -> Iterator[list[Message]]:
    """The messages in runs of at most so many bytes (one larger message is a run of its own)."""
    run: list[Message] = []
    size = 0
    for message in messages:
        length = len(message.value or b"")
        if run and size + length > max_bytes:
            yield run
            run, size = [], 0
        run.append(message)
        size += length
    yield run


class OffsetCommits:
    """Commits behind the database, a few times a second: what is read again after a crash the inbox knows."""

    def __init__(self, client: AIOKafkaConsumer) -> None:
        self._client = client
        self._handled: dict[TopicPartition, int] = {}
        self._committed_at = time.monotonic()

    def note(self, batches: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """The batches' effects are in the database."""
        self._handled |= {partition: records[-1].offset + 1 for partition, records in batches.items()}

    async def commit_when_due(self) -> None:
        """Called once a turn."""
        if not self._handled or time.monotonic() - self._committed_at < COMMIT_SECONDS:
            return
        try:
            await self._client.commit(self._handled)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("offsets not committed, a rebalance came first", extra={"error": repr(error)})
        self._handled = {}
        self._committed_at = time.monotonic()


class Replays:
    """Takes up the dead letters that `forecourt dead-letters replay` asked for, of some consumers only."""

    def __init__(
        self, store: Store[Any], consumers: Sequence[str], retry: Callable[[DeadLetter], Awaitable[str | None]]
    ) -> None:
        self._store = store
        self._consumers = consumers
        self._retry = retry
        self._checked_at = 0.0

    async def take_up(self) -> None:
        """Called once a turn. `retry` returns what is still wrong, or None; where it raises StoreUnavailable, later."""
        if time.monotonic() - self._checked_at < REPLAY_CHECK_SECONDS:
            return
        try:
            for letter in await self._store.dead_letters("replay", REPLAY_BATCH, self._consumers):
                await self._store.settle_replay(letter, await self._retry(letter))
        except StoreUnavailable as error:
            log.warning("replay of dead letters waits, the database is away", extra={"error": str(error)})
        self._checked_at = time.monotonic()


async def until_stored(work: Callable[[], Awaitable[None]], service: str, note_progress: Callable[[], None]) -> None:
    """Waits as long as the database is away, and does the work again: that is never the messages' fault."""
    backoff = Backoff()
    while True:
        try:
            return await work()
        except StoreUnavailable as error:
            log.warning("consumer pauses, its database is away", extra={"error": str(error)})
            CONSUMER_PAUSES.labels(service).inc()
            note_progress()
            await backoff.wait()
