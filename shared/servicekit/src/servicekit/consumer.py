"""The consumer loop: batches in, effects and inbox in one transaction, then the offset; poison is set aside."""

import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from schemas.base import Event
from schemas.catalogue import STATION_SYSTEMS, TOPIC_BY_NAME, topic_of
from servicekit import kafka
from servicekit.auth import Principal, Verifier, bearer_token
from servicekit.backoff import Backoff
from servicekit.envelope import MalformedMessage, Message
from servicekit.problems import Unavailable
from servicekit.settings import ServiceSettings
from servicekit.store import SeenBefore, Store, StoreUnavailable
from servicekit.telemetry import CONSUMED, CONSUMER_LAG, CONSUMER_PAUSES, DEAD_LETTERS, consumer_spans

log = logging.getLogger(__name__)

MAX_BATCH = 2_000
MAX_TRANSACTION_BYTES = 2 * 1024 * 1024
POLL_MS = 200
COMMIT_SECONDS = 0.2
HANDLER_ATTEMPTS = 3
REPLAY_CHECK_SECONDS = 1.0
REPLAY_BATCH = 100
LAG_CHECK_SECONDS = 5.0
STALL_SECONDS = 30.0
MAX_ERROR_CHARACTERS = 2_000


class Received(NamedTuple):
    """An event and the record it came in."""

    event: Any
    message: Message
    sender: Principal | None = None
    """Who sent it, where the topic is written from outside the suite and each message carries a token."""


Handler = Callable[[Any, Sequence[Received]], Awaitable[None]]
"""`await handler(tx, received)`: the effects of some events, in order, inside the transaction. May run again."""

Subscriptions = Mapping[type[Event], Handler]
"""A service's table: event -> what it does about it."""

Prepare = Callable[[Any, Sequence[Received]], Awaitable[None]]
"""`await prepare(tx, received)`: what comes before the handlers of a transaction, with all its events at once.

A service whose handlers lock rows locks here, in one order, what all of them need: a handler that locks its own after
another one has would wait for another replica, and that one for it."""


class Stalled(kafka.Interrupted):
    """Messages wait but none arrives (aiokafka #1154 and kin): the client must be made anew."""


class Consumer(kafka.ReadingLoop):
    """Consumes a service's subscriptions under one group, `<service>.main`, one batch at a time."""

    name = "consumer"

    def __init__(
        self, settings: ServiceSettings, store: Store, subscriptions: Subscriptions, verifier: Verifier,
        prepare: Prepare | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.group = f"{settings.service}.main"
        self._settings = settings
        self._store = store
        self._verifier = verifier
        self._handlers = {event.type(): handler for event, handler in subscriptions.items()}
        self._prepare = prepare
        self._topics = sorted({topic_of(event).name for event in subscriptions})
        self._replay_checked_at = 0.0

    async def _run_client(self) -> None:
        client = kafka.make_consumer(self._settings, *self._topics, group=self.group)
        try:
            await client.start()
            watch, commits = LagWatch(client, self._settings.service), OffsetCommits(client)
            while True:
                batches = await client.getmany(timeout_ms=POLL_MS, max_records=MAX_BATCH)
                self._progress_at = time.monotonic()
                await watch.observe(bool(batches))
                if batches:
                    for messages in in_bounds([Message.of(r) for records in batches.values() for r in records]):
                        await self._process_until_stored(messages)
                    commits.note(batches)
                await commits.commit_when_due()
                await self._replay_dead_letters()
        finally:
            await client.stop()

    async def _process_until_stored(self, messages: Sequence[Message]) -> None:
        """Waits as long as the database is away: that is never the message's fault."""
        backoff = Backoff()
        while True:
            try:
                return await self._process(messages)
            except StoreUnavailable as error:
                log.warning("consumer pauses, its database is away", extra={"error": str(error)})
                CONSUMER_PAUSES.labels(self._settings.service).inc()
                self._progress_at = time.monotonic()
                await backoff.wait()

    async def _process(self, messages: Sequence[Message]) -> None:
        """The batch in one transaction; if it fails, message by message, so that only the poison is set aside."""
        try:
            await self._apply(messages)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the batch is then taken apart
            log.warning("batch failed, trying its messages one by one", extra={"error": repr(error)})
            for message in messages:
                await self._process_one(message)

    async def _process_one(self, message: Message) -> None:
        error = await self._try(message)
        if error is not None:
            log.error("message set aside", extra={"topic": message.topic, "offset": message.offset, "error": error})
            await self._store.bury(self.group, message, error)
            DEAD_LETTERS.labels(self._settings.service, message.topic).inc()

    async def _try(self, message: Message) -> str | None:
        """The message with bounded retries; None, or what was wrong. Raises StoreUnavailable."""
        attempts = AsyncRetrying(
            stop=stop_after_attempt(HANDLER_ATTEMPTS), wait=wait_exponential(multiplier=0.05, max=1.0), reraise=True,
            # a cancellation is no Exception: tenacity would swallow it and try again
            retry=retry_if_exception_type() & retry_if_not_exception_type((StoreUnavailable, MalformedMessage)),
        )  # fmt: skip
        try:
            await attempts(self._apply, [message])
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the dead letter keeps it
            return repr(error)[:MAX_ERROR_CHARACTERS]
        return None

    async def _apply(self, messages: Sequence[Message]) -> None:
        """Inbox and effects in one transaction."""
        received = [
            _received(event, message, await self._sender(message))
            for message in messages
            if (event := message.event()) is not None
        ]
        with consumer_spans([message.traceparent for message in messages]):
            try:
                fresh = await self._store.transact(lambda tx: self._handle(tx, received, expect_new=True))
            except SeenBefore:
                fresh = await self._store.transact(lambda tx: self._handle(tx, received, expect_new=False))
        for topic in {message.topic for message in messages}:
            total, new = _count(messages, topic), _count(fresh, topic)
            CONSUMED.labels(self._settings.service, topic, "handled").inc(new)
            CONSUMED.labels(self._settings.service, topic, "seen_before_or_unknown").inc(total - new)

    async def _sender(self, message: Message) -> Principal | None:
        """The sender of a message from outside, by the token it held when the broker took it in."""
        if TOPIC_BY_NAME[message.topic].producer != STATION_SYSTEMS:
            return None
        try:
            token = bearer_token(message.headers.get("authorization"))
            return await self._verifier.verify(token, at=message.published_at.timestamp())
        except Unavailable as error:
            raise StoreUnavailable(error.detail) from error

    async def _handle(self, tx: Any, received: Sequence[Received], *, expect_new: bool) -> list[Message]:
        """Hands each run of events that share a handler to it, in order; returns the messages that were new.

        Events that nobody here asked for end no run: of a topic with many kinds, runs would be short for nothing.
        """
        given = [one.message for one in received]
        messages = await self._store.first_seen(tx, self.group, given, expect_new=expect_new)
        new = {id(message) for message in messages}
        fresh = [one for one in received if id(one.message) in new and one.event.type() in self._handlers]
        await handle_runs(tx, self._handlers, fresh, self._prepare)
        return messages

    async def _replay_dead_letters(self) -> None:
        """Takes up what `forecourt dead-letters replay` asked for."""
        if time.monotonic() - self._replay_checked_at < REPLAY_CHECK_SECONDS:
            return
        try:
            for letter in await self._store.dead_letters("replay", REPLAY_BATCH):
                await self._store.settle_replay(letter, await self._try(letter.message))
        except StoreUnavailable as error:
            log.warning("replay of dead letters waits, the database is away", extra={"error": str(error)})
        self._replay_checked_at = time.monotonic()


async def handle_runs(
    tx: Any, handlers: Mapping[str, Handler], received: Sequence[Received], prepare: Prepare | None
) -> None:  # fmt: skip
    """Prepares for the events, then hands each run of those that share a handler to it; each has one."""
    if prepare is not None and received:
        await prepare(tx, received)
    for handler, run in itertools.groupby(received, lambda one: handlers[one.event.type()]):
        await handler(tx, list(run))


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


def in_bounds(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages in runs of at most MAX_TRANSACTION_BYTES (one larger message is a run of its own)."""
    run: list[Message] = []
    size = 0
    for message in messages:
        length = len(message.value or b"")
        if run and size + length > MAX_TRANSACTION_BYTES:
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


def _received(event: Event, message: Message, sender: Principal | None) -> Received:
    """The event with its message. Ids from outside are their sender's own: nobody's message counts as another's."""
    if sender is not None:
        source = f"{sender.subject}/{message.headers.get('ce_source', '')}"
        message = message._replace(headers={**message.headers, "ce_source": source})
    return Received(event, message, sender)


def _count(messages: Sequence[Message], topic: str) -> int:
    return sum(message.topic == topic for message in messages)
