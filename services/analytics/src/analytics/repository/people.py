"""Who is who, who is gone, and the documents of views that are about one person each."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession

from analytics.domain.catalogue import PROFILES, VIEW_BY_NAME
from analytics.domain.folds.driver_months import DriverMonths
from analytics.domain.folds.station_drivers import StationDrivers
from analytics.domain.views import Document
from analytics.repository.views import Collection, Views
from servicekit.mongo import MongoStore

MAX_MERGES = 100
"""More accounts than one person ever has."""
PAGE = 500
NO_PLUMBING = {"_id": False, "n": False, "seen": False}

Session = AsyncIOMotorClientSession


class People:
    """Reads and deletes what there is of persons. Outside of a transaction it raises StoreUnavailable."""

    def __init__(self, store: MongoStore, views: Views) -> None:
        self._store = store
        self._views = views
        self._gone = store.database.gone

    async def aliases(self, subject: str, tx: Session | None = None) -> list[str]:
        """The accounts that were merged into this one, and those that were merged into these before."""
        stages: list[dict[str, Any]] = [
            {"$match": {"_id": subject}},
            {"$graphLookup": {
                "from": "people", "startWith": "$_id", "connectFromField": "_id", "connectToField": "merged_into",
                "as": "aliases", "maxDepth": MAX_MERGES,
            }},
            {"$project": {"aliases._id": 1}},
        ]  # fmt: skip
        async with self._store.available():
            found = await self._store.database.people.aggregate(stages, session=tx).to_list(1)
        return sorted(one["_id"] for document in found for one in document["aliases"])

    async def note_gone(self, tx: Session, drivers: Iterable[bytes], at: datetime) -> None:
        """Remembers for ever that nothing is to be kept of them."""
        for driver in drivers:
            await self._gone.update_one({"_id": driver}, {"$set": {"at": at, "unswept": True}}, upsert=True, session=tx)

    async def gone_among(self, drivers: Iterable[bytes]) -> set[bytes]:
        """Those of them who are gone."""
        async with self._store.available():
            return {one["_id"] async for one in self._gone.find({"_id": {"$in": list(drivers)}}, {"_id": True})}

    async def unswept(self) -> list[bytes]:
        """Some of those who are gone since the last sweep."""
        async with self._store.available():
            found = await self._gone.find({"unswept": True}, {"_id": True}).limit(PAGE).to_list(None)
        return [one["_id"] for one in found]

    async def note_swept(self, drivers: Sequence[bytes]) -> None:
        """Nothing is left of them."""
        async with self._store.available():
            await self._gone.update_many({"_id": {"$in": list(drivers)}}, {"$unset": {"unswept": True}})

    async def delete_profiles(self, drivers: Iterable[bytes], tx: Session | None = None) -> int:
        """Deletes their documents in every generation of every view of persons; how many."""
        deleted = 0
        async with self._store.available():
            collections = await self._profiles()
            for driver in drivers:
                for collection in collections:
                    deleted += (await collection.delete_many(_of(driver), session=tx)).deleted_count
        return deleted

    async def delete_all_gone(self, collection: Collection) -> int:
        """Deletes from a collection of a view of persons whatever is of somebody who is gone; how many documents."""
        deleted = 0
        async with self._store.available():
            async for one in self._gone.find({}, {"_id": True}):
                deleted += (await collection.delete_many(_of(one["_id"]))).deleted_count
        return deleted

    async def delete_months_before(self, month: str) -> int:
        """Deletes everybody's months before this one, in every generation; how many."""
        async with self._store.available():
            deleted = [await one.delete_many({"month": {"$lt": month}}) for one in await self._profiles()]
        return sum(one.deleted_count for one in deleted)

    async def delete_documents(self, collection: Collection, keys: Iterable[str]) -> None:
        """Deletes documents by their ids."""
        async with self._store.available():
            await collection.delete_many({"_id": {"$in": list(keys)}})

    async def months(self, keys: Iterable[str]) -> list[Document]:
        """The documents of drivers' months with these ids."""
        collection = await self._views.collection(DriverMonths.name)
        async with self._store.available():
            return await collection.find({"_id": {"$in": list(keys)}}, NO_PLUMBING).to_list(None)

    async def all_months(self, drivers: Iterable[bytes]) -> list[Document]:
        """All months that are known of drivers."""
        collection = await self._views.collection(DriverMonths.name)
        async with self._store.available():
            return await collection.find({"$or": [_of(one) for one in drivers]}, NO_PLUMBING).to_list(None)

    async def stations_visited(self, drivers: Iterable[bytes]) -> list[Document]:
        """What the books of stations have of drivers."""
        collection = await self._views.collection(StationDrivers.name)
        shown = dict.fromkeys(("station_id", "first_at", "last_at", "orders"), True)
        async with self._store.available():
            return await collection.find({"driver": {"$in": list(drivers)}}, shown | {"_id": False}).to_list(None)

    async def _profiles(self) -> list[Collection]:
        """A rebuild may fold into a generation beside the one that serves."""
        names = await self._store.database.list_collection_names()
        bases = tuple(f"{VIEW_BY_NAME[view].collection}.g" for view in PROFILES)
        return [self._store.database[name] for name in names if name.startswith(bases)]


def _of(driver: bytes) -> dict[str, Any]:
    """The documents of one person: their ids begin with the pseudonym and a bar, which comes before a brace."""
    return {"_id": {"$gte": f"{driver.hex()}|", "$lt": f"{driver.hex()}}}"}}
