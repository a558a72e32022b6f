"""Who is gone by the name that views know them by, and which accounts became one."""

from contextlib import suppress
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import CollectionInvalid


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: what exists already stays. `gone` is first written in transactions, so it is made before."""
    with suppress(CollectionInvalid):
        await database.create_collection("gone")
    await database.gone.create_index("unswept", sparse=True)
    await database.people.create_index("merged_into", sparse=True)
