"""Folds facts into the documents of one view, beside other workers that fold into the same ones."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

from analytics.domain.catalogue import PROFILES, PUBLISHED
from analytics.domain.facts import Fact
from analytics.domain.folding import add
from analytics.domain.views import View
from analytics.repository.views import blameless
from analytics.use_cases.arriving import Arrived
from analytics.use_cases.context import Analytics
from analytics.use_cases.forgetting import take_back
from analytics.use_cases.together import together
from servicekit.envelope import Message
from servicekit.reading import MAX_ERROR_CHARACTERS
from servicekit.store import StoreUnavailable
from servicekit.telemetry import DEAD_LETTERS

log = logging.getLogger(__name__)

MAX_ROUNDS = 20
"""How often a batch may lose the race for a document; of those who race one wins each time."""
DOCUMENTS_AT_ONCE = 200
"""Read and written in one go: while the store is busy with some, others are folded."""
Belonging = tuple[str, Arrived]
"""The id of a document, and a fact that belongs to it."""


class ViewFolding:
    """Folds into one generation of a view: the one that serves, where none is named."""

    def __init__(self, analytics: Analytics, view: View, generation: int | None = None) -> None:
        self.view = view
        self.consumer = f"{analytics.settings.service}.{view.name}"
        self._analytics = analytics
        self._generation = generation

    async def take(self, arrived: Sequence[Arrived]) -> None:
        """Folds them; what the view cannot take is set aside, and nothing else with it. Raises StoreUnavailable."""
        belonging: list[Belonging] = []
        for one in arrived:
            try:
                belonging += self._belonging(one)
            except Exception as error:  # noqa: BLE001 - whatever a view raises, it is about this fact
                await bury(self._analytics, self.consumer, one.message, error)
        if belonging:
            await self._fold_halving(belonging)

    async def take_again(self, one: Arrived) -> None:
        """Folds one that was set aside; raises what is still wrong with it."""
        await self._fold(self._belonging(one))

    def _belonging(self, one: Arrived) -> list[Belonging]:
        return [(key, one) for key in self.view.keys(one.fact)] if isinstance(one.fact.event, self.view.events) else []

    async def _fold_halving(self, belonging: Sequence[Belonging]) -> None:
        """All at once; if that fails, in halves, until only what is wrong is left."""
        try:
            await self._fold(belonging)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a view raises, the batch is then taken apart
            if len(belonging) == 1:
                await bury(self._analytics, self.consumer, belonging[0][1].message, error)
                return
            middle = len(belonging) // 2
            await self._fold_halving(belonging[:middle])
            await self._fold_halving(belonging[middle:])

    async def _fold(self, belonging: Sequence[Belonging]) -> None:
        """Until all of them are in their documents, whoever else writes these at the time."""
        facts: dict[str, list[Fact]] = defaultdict(list)
        for key, one in belonging:
            facts[key].append(one.fact)
        keys = list(facts)
        parts = [keys[start : start + DOCUMENTS_AT_ONCE] for start in range(0, len(keys), DOCUMENTS_AT_ONCE)]
        for generation in await self._generations():
            await together(self._fold_into(generation, {key: facts[key] for key in part}) for part in parts)
        if self.view.name in PUBLISHED and facts and not self._generation:
            await self._analytics.published_hours.mark(list(facts))

    async def _generations(self) -> tuple[int, ...]:
        """Asked once the messages are here: of those that came after a generation was announced, none misses it."""
        return (self._generation,) if self._generation else await self._analytics.views.targets(self.view.name)

    async def _fold_into(self, generation: int, facts: Mapping[str, Sequence[Fact]]) -> None:
        for _ in range(MAX_ROUNDS):
            if await self._write(generation, facts):
                return
        raise StoreUnavailable(f"documents of {self.view.name} were changed by others at each try")

    async def _write(self, generation: int, facts: Mapping[str, Sequence[Fact]]) -> bool:
        """One round; False where another worker was quicker with one of the documents."""
        views = self._analytics.views
        collection = views.of(self.view, generation)
        there = await views.load(collection, facts)
        counts = {key: len(folded.seen) for key, folded in there.items()}
        added = {key: add(self.view, key, there.get(key), some) for key, some in facts.items()}
        changed = {key: (counts.get(key, 0), folded) for key, folded in added.items() if folded is not None}
        won = not changed or await views.save(collection, changed)
        if self.view.name in PROFILES:
            async with blameless(views.store):
                await take_back(self._analytics, collection, facts)
        return won


async def bury(analytics: Analytics, consumer: str, message: Message, error: Exception) -> None:
    """Sets a message aside under the consumer's name."""
    reason = repr(error)[:MAX_ERROR_CHARACTERS]
    where = {"topic": message.topic, "offset": message.offset, "consumer": consumer}
    log.error("message set aside", extra=where | {"error": reason})
    await analytics.store.bury(consumer, message, reason)
    DEAD_LETTERS.labels(analytics.settings.service, message.topic).inc()
