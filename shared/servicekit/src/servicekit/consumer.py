"""The consumer loop: batches in, effects and inbox in one transaction, then the offset; poison is set aside."""

import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from schemas.base import Event
from schemas.catalogue import STATION_SYSTEMS, TOPIC_BY_NAME, topic_of
from servicekit.auth import Principal, Verifier, bearer_token
from servicekit.envelope import MalformedMessage, Message
from servicekit.problems import Unavailable
from servicekit.reading import MAX_ERROR_CHARACTERS, GroupReader, Replays
from servicekit.settings import ServiceSettings
from servicekit.store import DeadLetter, SeenBefore, Store, StoreUnavailable
from servicekit.telemetry import CONSUMED, DEAD_LETTERS, consumer_spans

log = logging.getLogger(__name__)

HANDLER_ATTEMPTS = 3


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


class Consumer(GroupReader):
    """Consumes a service's subscriptions under one group, `<service>.main`, one batch at a time."""

    name = "consumer"

    def __init__(
        self, settings: ServiceSettings, store: Store, subscriptions: Subscriptions, verifier: Verifier,
        prepare: Prepare | None = None,
    ) -> None:  # fmt: skip
        topics = sorted({topic_of(event).name for event in subscriptions})
        super().__init__(settings, f"{settings.service}.main", topics)
        self._store = store
        self._verifier = verifier
        self._handlers = {event.type(): handler for event, handler in subscriptions.items()}
        self._prepare = prepare
        self._replays = Replays(store, [self.group], self._replay)

    async def _turned(self, client: AIOKafkaConsumer) -> None:
        await self._replays.take_up()

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

    async def _replay(self, letter: DeadLetter) -> str | None:
        return await self._try(letter.message)


async def handle_runs(
    tx: Any, handlers: Mapping[str, Handler], received: Sequence[Received], prepare: Prepare | None
) -> None:  # fmt: skip
    """Prepares for the events, then hands each run of those that share a handler to it; each has one."""
    if prepare is not None and received:
        await prepare(tx, received)
    for handler, run in itertools.groupby(received, lambda one: handlers[one.event.type()]):
        await handler(tx, list(run))


def _received(event: Event, message: Message, sender: Principal | None) -> Received:
    """The event with its message. Ids from outside are their sender's own: nobody's message counts as another's."""
    if sender is not None:
        source = f"{sender.subject}/{message.headers.get('ce_source', '')}"
        message = message._replace(headers={**message.headers, "ce_source": source})
    return Received(event, message, sender)


def _count(messages: Sequence[Message], topic: str) -> int:
    return sum(message.topic == topic for message in messages)
