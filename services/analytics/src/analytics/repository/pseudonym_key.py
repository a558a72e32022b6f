"""Which key drivers' names were made with, as a digest: the key itself is in no database."""

import hmac

from pymongo import ReturnDocument

from servicekit.mongo import MongoStore


class OtherKey(ValueError):
    """The service was started with another key than the one that the database's names were made with."""


async def require_same_key(store: MongoStore, key: str) -> None:
    """Remembers the key where there is none yet. Raises OtherKey where it was another one, StoreUnavailable."""
    digest = hmac.digest(key.encode(), b"which pseudonym key this is", "sha256")
    async with store.available():
        known = await store.database.pseudonym_key.find_one_and_update(
            {"_id": "in use"}, {"$setOnInsert": {"digest": digest}}, upsert=True, return_document=ReturnDocument.AFTER
        )
    if not hmac.compare_digest(known["digest"], digest):
        raise OtherKey(
            "ANALYTICS_PSEUDONYM_KEY is not the key that this database was made with: put that one back. It cannot be "
            "changed, for people who were erased would come back, and each driver would be two"
        )
