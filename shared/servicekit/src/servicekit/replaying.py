"""A whole topic, from its oldest record, through a service's handlers once more, without asking the inbox.

What a handler does must follow from what the service knows, not from how often it was told: then a replay changes
nothing, and one after a loss brings back what is missing.
"""

import itertools
from collections.abc import Callable
from typing import Any

from schemas.catalogue import STATION_SYSTEMS, TOPIC_BY_NAME
from servicekit import kafka
from servicekit.consumer import MAX_BATCH, POLL_MS, Received, Subscriptions, in_bounds
from servicekit.envelope import Message
from servicekit.settings import ServiceSettings
from servicekit.store import Store


async def replay_topic(
    settings: ServiceSettings, store: Store, subscriptions: Subscriptions, topic: str, tell: Callable[[int, int], None]
) -> tuple[int, int]:
    """How many records were read, to the end as it is now, and how many of their events were handled.

    `tell` is called with what is read so far and what there is. Each batch is one transaction; whatever a handler
    raises ends the replay. Raises ValueError for a topic that the service does not read or that is written outside.
    """
    handlers = {event.type(): handler for event, handler in subscriptions.items()}
    if topic not in TOPIC_BY_NAME or settings.service not in TOPIC_BY_NAME[topic].consumers:
        raise ValueError(f"{settings.service} does not read {topic}; ./forecourt topics says who reads what")
    if TOPIC_BY_NAME[topic].producer == STATION_SYSTEMS:
        raise ValueError(f"the tokens on {topic} were good when it was written; what they brought is in other topics")
    client = kafka.make_consumer(settings, topic, group=None)
    await client.start()
    try:
        assigned = client.assignment()
        begins, ends = await client.beginning_offsets(assigned), await client.end_offsets(assigned)
        total = sum(ends[one] - begins[one] for one in assigned)
        read = handled = 0
        while any([await client.position(one) < ends[one] for one in assigned]):
            batches = await client.getmany(timeout_ms=POLL_MS, max_records=MAX_BATCH)
            messages = [Message.of(record) for records in batches.values() for record in records]
            for part in in_bounds(messages):
                known = [Received(event, one) for one in part if (event := one.event()) is not None]
                handled += await store.transact(lambda tx, known=known: _handle(tx, handlers, known))
            read += len(messages)
            tell(min(read, total), total)
        return read, handled
    finally:
        await client.stop()


async def _handle(tx: Any, handlers: dict[str, Any], received: list[Received]) -> int:
    handled = 0
    for handler, run in itertools.groupby(received, lambda one: handlers.get(one.event.type())):
        if handler is not None:
            events = list(run)
            await handler(tx, events)
            handled += len(events)
    return handled
