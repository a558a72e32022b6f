"""A whole topic, from its oldest record, through a service's handlers once more, without asking the inbox.

What a handler does must follow from what the service knows, not from how often it was told: then a replay changes
nothing, and one after a loss brings back what is missing.
"""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.catalogue import STATION_SYSTEMS, TOPIC_BY_NAME
from servicekit.consumer import Handler, Prepare, Received, Subscriptions, handle_runs
from servicekit.envelope import Message
from servicekit.reading import in_bounds
from servicekit.settings import ServiceSettings
from servicekit.store import Store, StoreUnavailable
from servicekit.whole_topics import WholeTopics

log = logging.getLogger(__name__)


class Replayed(NamedTuple):
    """What a replay did: records read, to the end as it was, events handled, and those that their handler refused."""

    read: int
    handled: int
    refused: int


async def replay_topic(
    settings: ServiceSettings, store: Store, subscriptions: Subscriptions, topic: str, tell: Callable[[int, int], None],
    prepare: Prepare | None = None,
) -> Replayed:  # fmt: skip
    """Plays the topic to its end as it is now. `tell` is called with what is read so far and what there is.

    Each batch is one transaction, as in the consumer. Where a handler refuses it, its events are tried one by one, and
    those that are refused then are logged and counted: as the consumer would have set them aside.
    Raises ValueError for a topic that the service does not read or that is written outside, StoreUnavailable.
    """
    once_more = _OnceMore(store, {event.type(): handler for event, handler in subscriptions.items()}, prepare)
    if topic not in TOPIC_BY_NAME or settings.service not in TOPIC_BY_NAME[topic].consumers:
        raise ValueError(f"{settings.service} does not read {topic}; ./forecourt topics says who reads what")
    if TOPIC_BY_NAME[topic].producer == STATION_SYSTEMS:
        raise ValueError(f"the tokens on {topic} were good when it was written; what they brought is in other topics")
    async with WholeTopics.opened(settings, [topic]) as whole:
        begins, ends = await whole.begins(), await whole.ends()
        total = sum(ends.values()) - sum(begins.values())
        read = 0
        async for messages in whole.until(ends):
            for part in in_bounds(messages):
                await once_more.take(part)
            read += len(messages)
            tell(min(read, total), total)
        return Replayed(read, once_more.handled, once_more.refused)


class _OnceMore:
    """Hands records to their handlers, and counts."""

    def __init__(self, store: Store, handlers: dict[str, Handler], prepare: Prepare | None) -> None:
        self.handled = self.refused = 0
        self._store = store
        self._handlers = handlers
        self._prepare = prepare

    async def take(self, messages: Sequence[Message]) -> None:
        """All of them in one transaction; one by one where that is refused."""
        try:
            await self._take(messages)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the batch is then taken apart
            if len(messages) > 1:
                for message in messages:
                    await self.take([message])
                return
            self.refused += 1
            where = {"topic": messages[0].topic, "partition": messages[0].partition, "offset": messages[0].offset}
            log.error("refused once more", extra=where | {"error": repr(error)})

    async def _take(self, messages: Sequence[Message]) -> None:
        found = [Received(event, one) for one in messages if (event := one.event()) is not None]
        received = [one for one in found if one.event.type() in self._handlers]
        await self._store.transact(lambda tx: handle_runs(tx, self._handlers, received, self._prepare))
        self.handled += len(received)
