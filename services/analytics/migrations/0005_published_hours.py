"""What was published of stations' hours, and which of them may have changed since."""

from contextlib import suppress
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import CollectionInvalid


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: what exists already stays. What was published is first written in transactions, so it is made."""
    with suppress(CollectionInvalid):
        await database.create_collection("published_hours")
