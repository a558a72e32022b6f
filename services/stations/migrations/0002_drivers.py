"""What drivers keep and say: their favourites, one document per driver, and reviews, one per driver and station."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import CollectionInvalid

FAVOURITES = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "stations"],
        "additionalProperties": False,
        "properties": {
            "_id": {"bsonType": "string"},
            "stations": {
                "bsonType": "array",
                "maxItems": 200,
                "items": {
                    "bsonType": "object",
                    "required": ["station_id", "note", "added_at"],
                    "additionalProperties": False,
                    "properties": {
                        "station_id": {"bsonType": "binData"},
                        "note": {"bsonType": ["string", "null"]},
                        "added_at": {"bsonType": "date"},
                    },
                },
            },
        },
    }
}
REVIEWS = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "station_id", "driver", "stars", "text", "created_at", "updated_at"],
        "additionalProperties": False,
        "properties": {
            "_id": {"bsonType": "binData"},
            "station_id": {"bsonType": "binData"},
            "driver": {"bsonType": "string"},
            "stars": {"bsonType": "int", "minimum": 1, "maximum": 5},
            "text": {"bsonType": ["string", "null"], "maxLength": 1000},
            "created_at": {"bsonType": "date"},
            "updated_at": {"bsonType": "date"},
        },
    }
}


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: what exists already stays."""
    for name, validator in (("favourites", FAVOURITES), ("reviews", REVIEWS)):
        try:
            await database.create_collection(name, validator=validator)
        except CollectionInvalid:
            await database.command("collMod", name, validator=validator)
    await database.reviews.create_index({"station_id": 1, "driver": 1}, unique=True)
    await database.reviews.create_index({"station_id": 1, "updated_at": -1, "_id": -1})
