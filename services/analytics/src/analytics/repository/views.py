"""The documents of views, in the collections of their generations, and which generation serves."""

import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError, PyMongoError

from analytics.domain.catalogue import VIEWS
from analytics.domain.folding import Folded, canonical
from analytics.domain.packed import packed, unpacked
from analytics.domain.sources import types_of
from analytics.domain.views import View
from analytics.repository.progress import ProgressRepository
from servicekit.mongo import DUPLICATE_KEY, MongoStore
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

SERVING_SECONDS = 1.0
"""How old a process's knowledge of what serves may be: a rebuild waits longer before it counts on it."""
FIRST_GENERATION = 1

Collection = AsyncIOMotorCollection[dict[str, Any]]


class DocumentRefused(Exception):
    """The database does not take a document as it is."""


class Views:
    """The collections of views: `<collection>.g<generation>`, of which one generation serves."""

    def __init__(self, store: MongoStore, views: Sequence[View] = VIEWS) -> None:
        self.store = store
        self._views = {view.name: view for view in views}
        self._places = store.database.views
        self._targets: dict[str, tuple[int, ...]] = {}
        self._read_at = 0.0

    async def prepare(self) -> None:
        """Makes what is missing before the first fact: each view's first generation, and indexes."""
        begun = await ProgressRepository(self.store).begun()  # first: who began meanwhile has made the views before
        for view in self._views.values():
            await self._make(view, begun)
            await self.make_indexes(view, await self.serving(view.name))
        for name in await self.unbuilt(self._views):
            log.warning(
                "a view lacks what was published before it was new: its reports say that they are not complete until "
                "./forecourt rebuild-view %s was run", name,
            )  # fmt: skip

    async def _make(self, view: View, begun: set[str]) -> None:
        """Notes from which events the view is folded since their first: those of topics that nobody has read yet."""
        types = types_of(view.events)
        async with self.store.available():
            place = await self._places.find_one({"_id": view.name})
            known = place.get("built_from", types) if place else ()
            from_the_first = [one for one, topic in types.items() if one in known or topic not in begun]
            built = {"$addToSet": {"built_from": {"$each": from_the_first}}}
            first = {"$setOnInsert": {"serving": FIRST_GENERATION}}
            await self._places.update_one({"_id": view.name}, first | built, upsert=True)

    async def unbuilt(self, names: Iterable[str]) -> list[str]:
        """Those of these views that lack events: they, or these events, were new when topics had been read already.
        A rebuild mends that."""
        wanted = {name: types_of(self._views[name].events).keys() for name in names}
        async with self.store.available():
            places = {one["_id"]: one async for one in self._places.find({"_id": {"$in": list(wanted)}})}
        return [name for name, types in wanted.items() if not types <= set(places.get(name, {}).get("built_from", ()))]

    async def make_indexes(self, view: View, generation: int) -> None:
        """What the view's reports look for; what is there stays."""
        async with self.store.available():
            for index in view.indexes:
                await self.of(view, generation).create_index(list(index.items()))

    async def serving(self, name: str) -> int:
        """The generation that reports read, as it was SERVING_SECONDS ago or later."""
        return (await self.targets(name))[0]

    async def targets(self, name: str) -> tuple[int, ...]:
        """The generations that events are folded into: the one that serves, then one that is about to (see
        Generations.announce), as they were SERVING_SECONDS ago or later."""
        asked_at = time.monotonic()
        if name not in self._targets or asked_at - self._read_at > SERVING_SECONDS:
            async with blameless(self.store):
                self._targets = {one["_id"]: _targets(one) async for one in self._places.find()}
            self._read_at = asked_at
        if name not in self._targets:
            raise StoreUnavailable(f"nothing says which generation of {name} serves: start the service again")
        return self._targets[name]

    async def collection(self, name: str) -> Collection:
        """The documents of a view that serve now."""
        return self.of(self._views[name], await self.serving(name))

    def of(self, view: View, generation: int) -> Collection:
        """The documents of one generation of a view."""
        return self.store.database[f"{view.collection}.g{generation}"]

    async def load(self, collection: Collection, keys: Iterable[str]) -> dict[str, Folded]:
        """The documents with these ids that exist, each with its facts. Raises StoreUnavailable whatever is wrong."""
        async with blameless(self.store):
            found = await collection.find({"_id": {"$in": list(keys)}}).to_list(None)
        return {document.pop("_id"): _folded(document) for document in found}

    async def save(self, collection: Collection, changed: Mapping[str, tuple[int, Folded]]) -> bool:
        """Writes each document where it still has as many facts as the number beside it; 0: where it does not exist.

        False where one has other ones by now. All others are written. Raises DocumentRefused where the database blames
        a document, StoreUnavailable whatever else it says.
        """
        writes = [
            ReplaceOne({"_id": key, "n": n}, _stored(key, folded), upsert=n == 0)
            for key, (n, folded) in changed.items()
        ]
        async with blameless(self.store):
            try:
                result = await collection.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                return _lost(error)
        return result.matched_count + result.upserted_count == len(writes)


@asynccontextmanager
async def blameless(store: MongoStore) -> AsyncIterator[None]:
    """Around what is about no message: whatever the database says, StoreUnavailable, and it is tried again."""
    async with store.available():
        try:
            yield
        except PyMongoError as error:
            raise StoreUnavailable(f"MongoDB refused: {error}") from error


def _targets(place: dict[str, Any]) -> tuple[int, ...]:
    return (place["serving"], place["next"]) if "next" in place else (place["serving"],)


def _folded(document: dict[str, Any]) -> Folded:
    del document["n"]
    return Folded(document, unpacked(document.pop("seen")))


def _stored(key: str, folded: Folded) -> dict[str, Any]:
    """`n` only grows, so who finds the `n` that it read finds the facts that it read."""
    return {"_id": key, "n": len(folded.seen), "seen": packed(folded.seen)} | canonical(folded.document)


def _lost(error: BulkWriteError) -> bool:
    """False: another worker made the document first. Raises what else it was."""
    details = error.details or {}
    if details.get("writeConcernErrors"):
        raise StoreUnavailable("MongoDB is not sure that it wrote") from error
    if blamed := [one for one in details.get("writeErrors", ()) if one["code"] != DUPLICATE_KEY]:
        raise DocumentRefused(f"MongoDB refused a document: code {blamed[0]['code']}") from error
    return False
