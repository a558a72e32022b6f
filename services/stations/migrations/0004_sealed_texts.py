"""What drivers wrote before there were boxes is sealed: the notes of favourites and the texts of reviews.

The service's key file must be in STATIONS_KEYRING_FILE where there is anything to seal.
"""

import os
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from servicekit.data_keys import MongoDataKeys
from servicekit.keyring import FileKeys, KeyRing
from servicekit.vault import Vault
from stations.repository.favourites import note_context
from stations.repository.reviews import text_context

SEALED = {"bsonType": ["binData", "null"]}
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
                        "note": SEALED,
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
            "text": SEALED,
            "created_at": {"bsonType": "date"},
            "updated_at": {"bsonType": "date"},
        },
    }
}


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: what is sealed already stays. The validators come first, so that nothing new is stored readable."""
    await database.command("collMod", "favourites", validator=FAVOURITES)
    await database.command("collMod", "reviews", validator=REVIEWS)
    await database.reviews.create_index({"driver": 1, "_id": 1})
    readable = {"$type": "string"}
    async for document in database.favourites.find({"stations.note": readable}):
        box = await _vault(database).box(None, document["_id"])
        for one in document["stations"]:
            if isinstance(one["note"], str):
                one["note"] = box.seal(one["note"], note_context(one["station_id"]))
        await database.favourites.replace_one({"_id": document["_id"]}, document)
    async for document in database.reviews.find({"text": readable}):
        box = await _vault(database).box(None, document["driver"])
        sealed = box.seal(document["text"], text_context(document["_id"]))
        await database.reviews.update_one({"_id": document["_id"]}, {"$set": {"text": sealed}})


def _vault(database: AsyncIOMotorDatabase[Any]) -> Vault:
    return Vault(KeyRing(FileKeys(os.environ["STATIONS_KEYRING_FILE"])), MongoDataKeys(database))
