"""How far each partition of a topic has been folded, whichever worker did it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from servicekit.mongo import MongoStore
from servicekit.store import StoreUnavailable

Partition = tuple[str, int]
"""A topic and the number of its partition."""


class Reached(NamedTuple):
    """How far a partition has been folded."""

    complete_until: datetime
    """What Kafka had by then is in the views."""
    offset: int
    """That of the next record."""


class ProgressRepository:
    """The collection `progress`, a document for each partition."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store

    async def save(self, reached: Mapping[Partition, Reached]) -> None:
        """Notes what was reached; a worker that lost a partition and does not know it yet takes nothing back."""
        now = datetime.now(UTC)
        writes = [
            UpdateOne(
                {"_id": f"{topic}|{partition}"}, {"$max": one._asdict(), "$set": {"updated_at": now}}, upsert=True
            )
            for (topic, partition), one in reached.items()
        ]
        async with self._store.available():
            try:
                await self._store.database.progress.bulk_write(writes, ordered=False)
            except PyMongoError as error:
                raise StoreUnavailable(f"MongoDB did not note the progress: {error}") from error

    async def begun(self) -> set[str]:
        """The topics of which something is folded."""
        async with self._store.available():
            found = self._store.database.progress.find({"offset": {"$gt": 0}}, {"_id": True})
            return {one["_id"].rpartition("|")[0] async for one in found}

    async def of(self, partitions: Sequence[Partition]) -> dict[Partition, Reached]:
        """What is known of these partitions."""
        names = {f"{topic}|{partition}": (topic, partition) for topic, partition in partitions}
        async with self._store.available():
            found = await self._store.database.progress.find({"_id": {"$in": list(names)}}).to_list(None)
        return {names[one["_id"]]: Reached(one["complete_until"], one["offset"]) for one in found}
