"""The stations collection: its indexes and what every document must have."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import CollectionInvalid

VALIDATOR = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "operator", "external_id", "version", "profile", "location", "pumps", "prices"],
        "properties": {
            "_id": {"bsonType": "binData"},
            "operator": {"bsonType": "string"},
            "external_id": {"bsonType": "string"},
            "version": {"bsonType": "int", "minimum": 1},
            "profile": {"bsonType": "object"},
            "pumps": {"bsonType": "array", "maxItems": 100},
            "prices": {"bsonType": "object"},
        },
    }
}


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: what exists already stays."""
    try:
        await database.create_collection("stations", validator=VALIDATOR)
    except CollectionInvalid:
        await database.command("collMod", "stations", validator=VALIDATOR)
    await database.stations.create_index({"location": "2dsphere"})
    await database.stations.create_index({"operator": 1, "external_id": 1}, unique=True)
    await database.stations.create_index({"operator": 1, "_id": 1})
    await database.stations.create_index({"brand_folded": 1, "_id": 1})
    await database.stations.create_index({"profile.lat": 1, "profile.lon": 1})
