"""Makes a view anew from its topics, while the one that is there serves on; then the new one takes its place."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from analytics.domain.catalogue import PROFILES, PUBLISHED
from analytics.domain.reach import is_beyond
from analytics.domain.sources import topics_of
from analytics.domain.views import View
from analytics.repository.generations import GenerationLost, Generations
from analytics.repository.views import SERVING_SECONDS
from analytics.use_cases.comparing import Comparing, Comparison
from analytics.use_cases.context import Analytics
from analytics.use_cases.folding import Folding
from analytics.use_cases.forgetting import remove_old_months
from analytics.use_cases.topic_reach import reach_of
from schemas.catalogue import TOPIC_BY_NAME
from servicekit.mongo_lease import MongoLease
from servicekit.reading import until_stored
from servicekit.whole_topics import Offsets, WholeTopics, committed

BATCH = 10_000
"""Records folded at once: a document is written once for all its events among them."""
LEASE_SECONDS = 60.0
ANNOUNCED_SECONDS = 2 * SERVING_SECONDS
"""After these every worker folds into a generation that was announced."""
WORKERS_SECONDS = 60.0
READERS_SECONDS = 5 * SERVING_SECONDS
"""After these no report reads the generation that served before."""


class RebuildUnderWay(Exception):
    """Another process rebuilds the view now."""


class TopicsCut(Exception):
    """Records were deleted before they could be read."""


class WorkersBehind(Exception):
    """The view that serves is not up to date, and does not become so."""


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did."""

    view: str
    records: int = 0
    unread: int = 0
    """Records that could not be read: they are dead letters."""
    taken_over: int = 0
    """Documents of times before the topics begin, or of all times, which were folded on as they were."""
    documents: int = 0
    seconds: float = 0.0
    comparison: Comparison | None = None
    serves: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a rebuild is to go about it."""

    compare: bool = False
    swap_anyway: bool = False
    """Also where the comparison finds differences."""
    from_scratch: bool = False
    """Nothing is taken over: what topics no longer have is lost."""
    topics: Sequence[str] = ()
    """Others than the view's own: a benchmark has some of its own."""


Tell = Callable[[str, int, int | None], None]
"""`tell(what, done, of)`: how far it is, of how many if that is known."""


async def rebuild(analytics: Analytics, view: View, wishes: Wishes, tell: Tell) -> Rebuilt:
    """The view made anew. Raises RebuildUnderWay, GenerationLost, TopicsCut, StoreUnavailable, KafkaError: then the
    old one serves on, and whatever is left of the new one the next rebuild removes."""
    lease = MongoLease(analytics.store.database, f"rebuild {view.name}", LEASE_SECONDS)
    async with analytics.store.available():
        if not await lease.renew():
            raise RebuildUnderWay(
                f"{view.name} is being rebuilt by another process: wait for it; one that died is over in a minute"
            )
    try:
        await analytics.views.prepare()
        return await _Rebuild(analytics, view, wishes, tell, lease).run()
    finally:
        async with analytics.store.available():
            await lease.release()


class _Rebuild:
    """One rebuild, from its lease to its end."""

    def __init__(self, analytics: Analytics, view: View, wishes: Wishes, tell: Tell, lease: MongoLease) -> None:
        self._analytics, self._view, self._wishes, self._tell, self._lease = analytics, view, wishes, tell, lease
        self._topics = wishes.topics or topics_of(view.events)
        self._generations = Generations(analytics.views, view)
        self._done = Rebuilt(view.name)

    async def run(self) -> Rebuilt:
        began = time.monotonic()
        serving, new = await self._generations.begin()
        async with self._gone_if_it_fails(new), WholeTopics.opened(self._analytics.settings, self._topics) as whole:
            begins = await whole.begins()
            await self._take_over(serving, new)
            await self._fold(whole, new, await whole.ends())
            self._expect_uncut(begins, await whole.begins())
            await self._generations.announce(serving, new)
            await asyncio.sleep(ANNOUNCED_SECONDS)
            ends = await whole.ends()
            await self._fold(whole, new, ends)
            if self._view.name in PROFILES:
                await self._analytics.people.delete_all_gone(self._generations.collection(new))
                await remove_old_months(self._analytics)
            self._done.documents = await self._generations.count(new)
            if await self._is_wanted(serving, new, ends):
                await self._publish_when_it_serves(serving, new)
                await self._generations.swap(serving, new)
                self._done.serves = True
        self._done.seconds = time.monotonic() - began
        await self._remove(serving if self._done.serves else new)
        return self._done

    @asynccontextmanager
    async def _gone_if_it_fails(self, new: int) -> AsyncIterator[None]:
        """Whatever ends it early, workers are not to fold into the new one for ever; dropping waits for the next."""
        try:
            yield
        finally:
            if not self._done.serves:
                await self._generations.withdraw(new)

    async def _take_over(self, serving: int, new: int) -> None:
        self._tell("looking how far the topics reach back", 0, None)
        if self._wishes.from_scratch:
            return
        reach, after = await reach_of(self._analytics.settings, self._topics, self._keep_lease), ""
        while reach is not None and (page := await self._generations.page(serving, after)):
            after = page[-1]["_id"]
            beyond = [one for one in page if is_beyond(self._view.begins_at(one["_id"]), reach)]
            await self._generations.add(new, beyond)
            self._done.taken_over += len(beyond)
            await self._keep_lease()

    def _expect_uncut(self, before: Offsets, after: Offsets) -> None:
        """What retention deleted between the look at what topics have and the reading was neither taken over nor read.
        Raises TopicsCut."""
        cut = sorted({one.topic for one, begin in after.items() if begin > before[one]})
        if cut and not self._wishes.from_scratch:
            raise TopicsCut(
                f"the oldest records of {', '.join(cut)} were deleted while they were read, as their retention wants: "
                "start the rebuild again"
            )

    async def _fold(self, whole: WholeTopics, new: int, ends: Offsets) -> None:
        """Folds all that was published before these ends."""
        folding = Folding(self._analytics, (self._view,), {self._view.name: new})
        total = sum(ends.values()) - sum((await whole.begins()).values())
        async for messages in whole.until(ends, BATCH):
            await until_stored(partial(folding.take, messages), self._analytics.settings.service, lambda: None)
            self._done.records += len(messages)
            self._tell("folding", min(self._done.records, total), total)
            await self._keep_lease()
        self._done.unread += folding.unread

    async def _is_wanted(self, serving: int, new: int, ends: Offsets) -> bool:
        if not self._wishes.compare:
            return True
        await self._wait_for_workers(ends)
        by_facts = all(TOPIC_BY_NAME[topic].cleanup == "delete" for topic in topics_of(self._view.events))
        comparing = Comparing(self._generations, serving, new, by_facts=by_facts)
        self._done.comparison = comparing.found
        after: str | None = ""
        while after is not None:
            after = await comparing.next_page(after)
            self._tell("comparing", comparing.found.documents, self._done.documents)
            await self._keep_lease()
        return self._wishes.swap_anyway or comparing.found.differences == 0

    async def _wait_for_workers(self, ends: Offsets) -> None:
        """What they have not folded yet would be differences. Raises WorkersBehind."""
        wanted = {one: end for one, end in ends.items() if end > 0}
        group = Folding(self._analytics).consumer
        deadline = time.monotonic() + WORKERS_SECONDS
        while behind := await self._behind(group, wanted):
            self._tell("waiting for the workers", 0, None)
            if time.monotonic() > deadline:
                raise WorkersBehind(
                    f"the workers are {behind:,} records behind, so there is nothing fair to compare with: "
                    "see ./forecourt status, or leave --compare out"
                )
            await self._keep_lease()
            await asyncio.sleep(SERVING_SECONDS)

    async def _behind(self, group: str, ends: Offsets) -> int:
        done = await committed(self._analytics.settings, group, list(ends))
        return sum(max(end - done[one], 0) for one, end in ends.items())

    async def _publish_when_it_serves(self, serving: int, new: int) -> None:
        """All of it may be other than what was published, and an hour of the old one not there; the publisher tells."""
        if self._view.name in PUBLISHED:
            hours = self._analytics.published_hours
            await hours.remove_waiting(serving)
            for generation in (serving, new):
                async for ids in self._generations.ids(generation):
                    await hours.mark(ids, new)
                    await self._keep_lease()

    async def _remove(self, generation: int) -> None:
        """Once nobody reads it, or folds into it."""
        self._tell("waiting for who still reads the old documents", 0, None)
        await asyncio.sleep(READERS_SECONDS)
        await self._generations.drop(generation)

    async def _keep_lease(self) -> None:
        async with self._analytics.store.available():
            if not await self._lease.keep():
                raise GenerationLost(f"{self._view.name} was taken over by another rebuild while this one stood still")
