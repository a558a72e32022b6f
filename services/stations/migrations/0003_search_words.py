"""The words by which stations are found, in place of one text: any order, beginnings, no accents."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import UpdateOne

from stations.repository.stations import searchable

BATCH = 1_000


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: stations that have their words already keep them."""
    await database.stations.create_index({"words": 1, "_id": 1})
    cursor = database.stations.find({"words": {"$exists": False}}, ["profile"], batch_size=BATCH)
    while documents := await cursor.to_list(BATCH):
        writes = [
            UpdateOne({"_id": one["_id"]}, {"$set": searchable(one["profile"]), "$unset": {"search_text": ""}})
            for one in documents
        ]
        await database.stations.bulk_write(writes, ordered=False)
