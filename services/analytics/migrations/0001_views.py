"""Which generation of each view serves, and how far topics were folded; views' own collections the service makes."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import CollectionInvalid

NUMBER = {"bsonType": ["int", "long"], "minimum": 1}
VIEWS = {
    "bsonType": "object", "required": ["_id", "serving"],
    "properties": {"_id": {"bsonType": "string"}, "serving": NUMBER, "next": NUMBER},
}  # fmt: skip
PROGRESS = {
    "bsonType": "object", "required": ["_id", "complete_until", "offset", "updated_at"],
    "properties": {
        "_id": {"bsonType": "string", "pattern": r"\|\d+$"}, "complete_until": {"bsonType": "date"},
        "offset": {"bsonType": ["int", "long"], "minimum": 0}, "updated_at": {"bsonType": "date"},
    },
}  # fmt: skip


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: what exists already stays."""
    for name, schema in (("views", VIEWS), ("progress", PROGRESS)):
        try:
            await database.create_collection(name, validator={"$jsonSchema": schema})
        except CollectionInvalid:
            await database.command("collMod", name, validator={"$jsonSchema": schema})
