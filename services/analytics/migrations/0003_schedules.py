"""Reports that are sent again and again, what their owners may read, and replies to requests that may come twice."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import CollectionInvalid

TEXT, MOMENT, MAYBE_TEXT, MAYBE_MOMENT = (
    {"bsonType": kind} for kind in ("string", "date", ["string", "null"], ["date", "null"])
)
NUMBER = {"bsonType": ["int", "long"], "minimum": 0}
SCHEDULES = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": [
            "_id", "owner", "report", "time_zone", "cadence", "hour", "format", "language", "recipient", "status",
            "try_at", "tries", "failures", "version", "runs", "created_at",
        ],
        "properties": {
            "_id": {"bsonType": "binData"}, "owner": TEXT, "report": TEXT,
            "station_id": {"bsonType": ["binData", "null"]}, "operator": MAYBE_TEXT, "time_zone": TEXT,
        "cadence": {"enum": ["daily", "weekly", "monthly"]},
            "hour": {"bsonType": "int", "minimum": 0, "maximum": 23}, "format": {"enum": ["xlsx", "pdf", "csv"]},
            "language": {"enum": ["en", "zh"]}, "recipient": {"bsonType": "binData"},
            "status": {"enum": ["unconfirmed", "active", "paused", "suspended"]}, "reason": MAYBE_TEXT,
            "next_at": MAYBE_MOMENT, "try_at": MAYBE_MOMENT, "tries": NUMBER, "failures": NUMBER, "version": NUMBER,
            "code": {"bsonType": ["object", "null"]}, "runs": {"bsonType": "array", "maxItems": 10},
            "created_at": MOMENT,
        },
        "additionalProperties": False,
    }
}  # fmt: skip
"""`recipient` is sealed in the owner's box; `code` has a keyed hash alone."""
REPLIES_LIVE_SECONDS = 30 * 86_400


async def migrate(database: AsyncIOMotorDatabase[Any]) -> None:
    """Repeatable: what exists already stays."""
    for name, validator in (("report_schedules", SCHEDULES), ("report_readers", {}), ("idempotency_keys", {})):
        try:
            await database.create_collection(name, validator=validator)
        except CollectionInvalid:
            await database.command("collMod", name, validator=validator)
    await database.report_schedules.create_index({"owner": 1, "_id": -1})
    await database.report_schedules.create_index({"try_at": 1})
    await database.idempotency_keys.create_index({"created_at": 1}, expireAfterSeconds=REPLIES_LIVE_SECONDS)
    await database.idempotency_keys.create_index({"caller": 1})
