"""The register of analysts, one document each."""

from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument

from analytics.domain.analysts import Analyst
from servicekit.ids import new_id
from servicekit.mongo import MongoStore

MOST = 1_000


async def add(store: MongoStore, name: str) -> Analyst:
    """The analyst, whether new or there already: whoever died half-way begins again."""
    new = {"serial": new_id().hex, "created_at": datetime.now(UTC)}
    async with store.available():
        document = await store.database.analysts.find_one_and_update(
            {"_id": name}, {"$setOnInsert": new}, upsert=True, return_document=ReturnDocument.AFTER
        )
    return _analyst(document)


async def remove(store: MongoStore, name: str) -> bool:
    """Whether there was such an analyst; there is none any more."""
    async with store.available():
        return bool((await store.database.analysts.delete_one({"_id": name})).deleted_count)


async def everyone(store: MongoStore) -> list[Analyst]:
    """All of them, by name."""
    async with store.available():
        documents = await store.database.analysts.find().sort("_id", 1).to_list(MOST)
    return [_analyst(document) for document in documents]


def _analyst(document: dict[str, Any]) -> Analyst:
    return Analyst(document["_id"], document["serial"], document["created_at"])
