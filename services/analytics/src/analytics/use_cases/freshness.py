"""Until when views are complete."""

from collections.abc import Iterable
from datetime import datetime

from analytics.domain.catalogue import VIEW_BY_NAME
from analytics.domain.sources import topics_of
from analytics.repository.progress import ProgressRepository
from analytics.use_cases.context import Analytics
from schemas.catalogue import TOPIC_BY_NAME


async def complete_until(analytics: Analytics, topics: Iterable[str]) -> datetime | None:
    """What was published on these topics before that is in the views; None where a partition was never read."""
    partitions = [(topic, number) for topic in topics for number in range(TOPIC_BY_NAME[topic].partitions)]
    reached = await ProgressRepository(analytics.store).of(partitions)
    if len(reached) < len(partitions):
        return None
    return min((one.complete_until for one in reached.values()), default=None)


async def views_complete_until(analytics: Analytics, views: Iterable[str]) -> datetime | None:
    """The same for views by their names: a report of several is as fresh as the least of them. None also where one
    lacks events that were published before it was there."""
    names = list(views)
    if await analytics.views.unbuilt(names):
        return None
    return await complete_until(analytics, topics_of_views(names))


def topics_of_views(names: Iterable[str]) -> tuple[str, ...]:
    """The topics of views by their names."""
    return topics_of(tuple({event for name in names for event in VIEW_BY_NAME[name].events}))
