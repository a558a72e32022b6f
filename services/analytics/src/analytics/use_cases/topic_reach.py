"""From when on topics still have everything that was published on them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from aiokafka import TopicPartition

from schemas.catalogue import TOPIC_BY_NAME
from servicekit.settings import ServiceSettings
from servicekit.whole_topics import Offsets, WholeTopics

Between = Callable[[], Awaitable[None]]
"""Called now and then by what may take long."""


async def reach_of(settings: ServiceSettings, topics: Sequence[str], between: Between) -> datetime | None:
    """Whatever was published since is there; None: everything ever.

    A topic that forgets by age reaches back to the oldest record of each partition from which one was deleted. One
    that keeps the newest record of each key says nothing of when the others were: where one is gone, it has no past.
    """
    found = [await _reach_of_topic(settings, topic, between) for topic in topics]
    return max((one for one in found if one is not None), default=None)


async def _reach_of_topic(settings: ServiceSettings, topic: str, between: Between) -> datetime | None:
    now = datetime.now(UTC)
    is_compacted = topic in TOPIC_BY_NAME and TOPIC_BY_NAME[topic].cleanup == "compact"
    async with WholeTopics.opened(settings, [topic]) as whole:
        begins, ends = await whole.begins(), await whole.ends()
        if is_compacted:
            return None if await _count(whole, ends, between) == sum(ends.values()) else now
        cut = [one for one, begin in begins.items() if begin > 0]
        oldest = await _oldest(whole, {one: begins[one] + 1 for one in cut if ends[one] > begins[one]})
        return max((oldest.get(one.partition, now) for one in cut), default=None)


async def _count(whole: WholeTopics, ends: Offsets, between: Between) -> int:
    """How many records there are before these ends."""
    count = 0
    async for messages in whole.until(ends):
        count += sum(one.offset < ends[TopicPartition(one.topic, one.partition)] for one in messages)
        await between()
    return count


async def _oldest(whole: WholeTopics, ends: Offsets) -> dict[int, datetime]:
    """When the oldest record of each partition was published."""
    oldest: dict[int, datetime] = {}
    async for messages in whole.until(ends):
        for one in messages:
            oldest.setdefault(one.partition, one.published_at)
    return oldest
