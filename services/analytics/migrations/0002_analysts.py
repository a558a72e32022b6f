"""Who reads copies of topics, and under which serial their pseudonyms are."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import CollectionInvalid

VALIDATOR = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "serial", "created_at"],
        "additionalProperties": False,
        "properties": {
            "_id": {"bsonType": "string", "maxLength": 32},
            "serial": {"bsonType": "string"},
            "created_at": {"bsonType": "date"},
        },
    }
}


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: what exists already stays."""
    try:
        await database.create_collection("analysts", validator=VALIDATOR)
    except CollectionInvalid:
        await database.command("collMod", "analysts", validator=VALIDATOR)
