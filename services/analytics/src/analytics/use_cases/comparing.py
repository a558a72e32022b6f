"""Two generations of a view, document by document and byte by byte, while both are folded on."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import bson
from bson.raw_bson import RawBSONDocument

from analytics.domain.differences import FACTS_SEEN, Difference, differences
from analytics.repository.generations import PAGE, Generations
from servicekit.mongo import CODEC

MAX_EXAMPLES = 20
SETTLING_SECONDS = 5.0
"""How long in all two documents may have different facts: an event on its way is in one of them first."""
LOOK_AGAIN_SECONDS = 0.2
FACT_COUNT = "n"

Pair = tuple[RawBSONDocument | None, RawBSONDocument | None]


@dataclass(slots=True)
class Comparison:
    """What was found: documents in either, those that are not the same, and examples of fields."""

    documents: int = 0
    differences: int = 0
    examples: list[Difference] = field(default_factory=list)


class Comparing:
    """Compares the one that serves with the new one.

    `by_facts`: whether they are to have the same facts. A topic that keeps the newest record of a key only has lost
    others that the old one had: then what the documents say counts, not from how many facts.
    """

    def __init__(self, generations: Generations, serving: int, new: int, *, by_facts: bool) -> None:
        self._generations = generations
        self._serving, self._new = serving, new
        self._ignored = frozenset[str]() if by_facts else frozenset({FACT_COUNT, FACTS_SEEN})
        self._patience = SETTLING_SECONDS
        self.found = Comparison()

    async def next_page(self, after: str) -> str | None:
        """Compares the next documents by id; the last of these ids, or None when there are no more."""
        old = await self._generations.page(self._serving, after)
        new = await self._generations.page(self._new, after)
        full = [page[-1]["_id"] for page in (old, new) if len(page) == PAGE]
        until = min(full, default=None)
        pairs = _pairs(old, new, until)
        self.found.documents += len(pairs)
        for key, pair in (await self._settled({key: one for key, one in pairs.items() if not self._same(one)})).items():
            self.found.differences += 1
            room = MAX_EXAMPLES - len(self.found.examples)
            self.found.examples += [*differences(key, *map(self._compared, pair))][:room]
        return until

    async def _settled(self, pairs: dict[str, Pair]) -> dict[str, Pair]:
        """Those that stay different: with the same facts they do, with others until these have had time to come."""
        while pairs and self._patience > 0 and not all(_have_the_same_facts(pair) for pair in pairs.values()):
            began = time.monotonic()
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            old, new = await self._found(self._serving, pairs), await self._found(self._new, pairs)
            again = {key: (old.get(key), new.get(key)) for key in pairs}
            pairs = {key: pair for key, pair in again.items() if not self._same(pair)}
            self._patience -= time.monotonic() - began
        return pairs

    async def _found(self, generation: int, keys: Iterable[str]) -> Mapping[str, RawBSONDocument]:
        return await self._generations.found(generation, keys)

    def _same(self, pair: Pair) -> bool:
        old, new = pair
        if old is None or new is None or not self._ignored:
            return old is new is None or (old is not None and new is not None and old.raw == new.raw)
        return self._compared(old) == self._compared(new)

    def _compared(self, document: RawBSONDocument | None) -> dict[str, object] | None:
        if document is None:
            return None
        fields = bson.decode(document.raw, CODEC)
        return {name: value for name, value in fields.items() if name not in self._ignored}


def _pairs(old: Iterable[RawBSONDocument], new: Iterable[RawBSONDocument], until: str | None) -> dict[str, Pair]:
    """Documents of both by their ids, up to the one to which both are known."""
    before, after = ({one["_id"]: one for one in page} for page in (old, new))
    keys = sorted(key for key in before.keys() | after.keys() if until is None or key <= until)
    return {key: (before.get(key), after.get(key)) for key in keys}


def _have_the_same_facts(pair: Pair) -> bool:
    old, new = pair
    return old is not None and new is not None and old[FACTS_SEEN] == new[FACTS_SEEN]
