"""Which hours of stations may have changed since they were published, and what was published of each.

A mark is written when documents were, and before the messages are committed: whoever dies between the two reads the
messages again, and writes it then. It names every document that had a fact among them, also those that had seen it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ReplaceOne
from pymongo.errors import PyMongoError

from analytics.domain.folds.station_hours import StationHours
from analytics.domain.published_hours import SHOWN, Told
from analytics.domain.views import Document
from servicekit.ids import new_id
from servicekit.mongo import MongoStore
from servicekit.store import StoreUnavailable

MARK_KEYS = 1_000
"""Ids in a mark at most."""

Session = AsyncIOMotorClientSession


class Mark(NamedTuple):
    """Some documents that may have changed."""

    id: UUID
    keys: list[str]


class PublishedHours:
    """Marks and what was published; what has no session raises StoreUnavailable."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._marks, self._told = store.database.changed_hours, store.database.published_hours

    async def mark(self, keys: Sequence[str], generation: int | None = None) -> None:
        """These may have changed; with a generation, as soon as it serves. Raises StoreUnavailable whatever is wrong:
        it is not the fault of who changed them."""
        marks = [
            {"_id": new_id(), "keys": list(keys[start : start + MARK_KEYS]), "generation": generation}
            for start in range(0, len(keys), MARK_KEYS)
        ]
        if marks:
            async with self._store.available():
                try:
                    await self._marks.insert_many(marks, ordered=False)
                except PyMongoError as error:
                    raise StoreUnavailable(f"MongoDB did not write: {error}") from error

    async def marks(self, generation: int, limit: int) -> list[Mark]:
        """The oldest marks that hold while this generation serves."""
        holding = {"generation": {"$in": [None, generation]}}
        async with self._store.available():
            found = await self._marks.find(holding).sort("_id", 1).limit(limit).to_list(None)
        return [Mark(one["_id"], one["keys"]) for one in found]

    async def remove(self, marks: Sequence[Mark]) -> None:
        """What they named is published."""
        async with self._store.available():
            await self._marks.delete_many({"_id": {"$in": [mark.id for mark in marks]}})

    async def remove_waiting(self, serving: int) -> None:
        """Removes marks that wait for a generation, other than the one that serves: of a rebuild that died."""
        async with self._store.available():
            await self._marks.delete_many({"generation": {"$nin": [None, serving]}})

    async def serving(self, tx: Session | None = None) -> int:
        """The generation that serves at this moment."""
        async with self._store.available():
            place = await self._store.database.views.find_one({"_id": StationHours.name}, session=tx)
        return place["serving"] if place else 0

    async def hours(self, tx: Session, keys: Sequence[str]) -> dict[str, Document]:
        """What is known of these hours, each with its number of facts `n`; by the generation that serves in this very
        snapshot: that an hour is not in one which is gone would say nothing."""
        documents = self._store.database[f"{StationHours.collection}.g{await self.serving(tx)}"]
        found = await documents.find({"_id": {"$in": list(keys)}}, dict.fromkeys(SHOWN, True), session=tx).to_list(None)
        return {document.pop("_id"): document for document in found}

    async def told(self, tx: Session, keys: Sequence[str]) -> dict[str, Told]:
        """What was published of them last."""
        found = await self._told.find({"_id": {"$in": list(keys)}}, session=tx).to_list(None)
        return {one["_id"]: Told(one["version"], one["digest"], one.get("operator", "")) for one in found}

    async def note_told(self, tx: Session, told: Mapping[str, Told]) -> None:
        """Notes what is published in this transaction; of two that publish the same hour at once one tries again."""
        writes: list[Any] = [ReplaceOne({"_id": key}, one._asdict(), upsert=True) for key, one in told.items()]
        await self._told.bulk_write(writes, ordered=False, session=tx)
