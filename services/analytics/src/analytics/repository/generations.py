"""Generations of a view's documents: a new one is filled beside the one that serves, and then takes its place.

That no event is lost is seen to by the order of things. A generation is announced before it serves: from a moment
later on workers fold what they read into both (see Views.targets). Whatever was published until then the rebuild reads
itself, and facts that come from both sides count once. So the new one may serve at any time afterwards, and who dies
between two steps leaves the old one serving, or the new one, whole.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReturnDocument

from analytics.domain.sources import types_of
from analytics.domain.views import View
from analytics.repository.views import Collection, Views
from servicekit.mongo import CODEC

PAGE = 500
IDS_AT_ONCE = 5_000
RAW = CODEC.with_options(document_class=RawBSONDocument)
RawCollection = AsyncIOMotorCollection[RawBSONDocument]


class GenerationLost(Exception):
    """Another process began a rebuild of the same view meanwhile."""


class Generations:
    """The generations of one view. All raise StoreUnavailable."""

    def __init__(self, views: Views, view: View) -> None:
        self._store, self._views, self._view = views.store, views, view
        self._places = views.store.database.views

    async def begin(self) -> tuple[int, int]:
        """(serving, new): the number of a new one, which was never used before; what rebuilds that died have left
        is removed. A rebuild that began before and lives on cannot let its own one serve after this."""
        number = {"$add": [{"$max": ["$last", "$serving"]}, 1]}
        async with self._store.available():
            place = await self._places.find_one_and_update(
                {"_id": self._view.name}, [{"$set": {"last": number}}, {"$unset": "next"}],
                return_document=ReturnDocument.AFTER,
            )  # fmt: skip
        await self._drop_all_but(place["serving"])
        await self._views.make_indexes(self._view, place["last"])
        return place["serving"], place["last"]

    async def announce(self, serving: int, new: int) -> None:
        """Lets workers fold into it, too, from SERVING_SECONDS later on. Raises GenerationLost."""
        await self._change({"serving": serving, "last": new}, {"$set": {"next": new}})

    async def swap(self, serving: int, new: int) -> None:
        """Lets one that was announced serve. Raises GenerationLost."""
        served = {"serving": new, "built_from": sorted(types_of(self._view.events))}
        await self._change({"serving": serving, "next": new}, {"$set": served, "$unset": {"next": ""}})

    async def withdraw(self, new: int) -> None:
        """Lets workers leave it alone again, from SERVING_SECONDS later on."""
        async with self._store.available():
            await self._places.update_one({"_id": self._view.name, "next": new}, {"$unset": {"next": ""}})

    async def drop(self, generation: int) -> None:
        """Removes the documents of one that does not serve."""
        async with self._store.available():
            await self.collection(generation).drop()

    def collection(self, generation: int) -> Collection:
        """Its documents."""
        return self._views.of(self._view, generation)

    def raw(self, generation: int) -> RawCollection:
        """Its documents as they are stored, byte for byte."""
        return self._store.database.get_collection(self.collection(generation).name, codec_options=RAW)

    async def count(self, generation: int) -> int:
        """About how many documents it has."""
        async with self._store.available():
            return await self.collection(generation).estimated_document_count()

    async def add(self, generation: int, documents: Sequence[RawBSONDocument]) -> None:
        """Writes documents that it does not have."""
        if documents:
            async with self._store.available():
                await self.raw(generation).insert_many(documents, ordered=False)

    async def ids(self, generation: int) -> AsyncIterator[list[str]]:
        """The ids of all its documents, so many at a time."""
        after = ""
        while True:
            async with self._store.available():
                cursor = self.collection(generation).find({"_id": {"$gt": after}}, {"_id": True})
                found = await cursor.sort("_id", 1).limit(IDS_AT_ONCE).to_list(None)
            if not found:
                return
            yield [one["_id"] for one in found]
            after = found[-1]["_id"]

    async def found(self, generation: int, keys: Iterable[str]) -> dict[str, RawBSONDocument]:
        """Those of these documents that there are."""
        async with self._store.available():
            documents = await self.raw(generation).find({"_id": {"$in": list(keys)}}).to_list(None)
        return {document["_id"]: document for document in documents}

    async def page(self, generation: int, after: str) -> Sequence[RawBSONDocument]:
        """The next documents by id."""
        async with self._store.available():
            cursor = self.raw(generation).find({"_id": {"$gt": after}}).sort("_id", 1).limit(PAGE)
            return await cursor.to_list(None)

    async def _change(self, expected: dict[str, Any], change: dict[str, Any]) -> None:
        async with self._store.available():
            result = await self._places.update_one({"_id": self._view.name, **expected}, change)
        if result.matched_count != 1:
            raise GenerationLost(f"another rebuild of {self._view.name} began meanwhile: this one gives way")

    async def _drop_all_but(self, serving: int) -> None:
        base = f"{self._view.collection}.g"
        async with self._store.available():
            names = await self._store.database.list_collection_names()
            for name in names:
                if name.startswith(base) and name != self.collection(serving).name:
                    await self._store.database.drop_collection(name)
