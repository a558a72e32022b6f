"""A lease in MongoDB: what one process at a time may do, until it gives it up, or dies and it runs out."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from servicekit.ids import new_id


class MongoLease:
    """The right to do what is named, for some seconds from each renewal on. A holder that stalls longer has lost it
    before it knows: whatever must not happen twice needs more than a lease."""

    def __init__(self, database: AsyncIOMotorDatabase[Any], name: str, seconds: float) -> None:
        self._leases = database.leases
        self._name = name
        self._seconds = seconds
        self._owner = new_id()
        self._renew_at = 0.0

    async def keep(self) -> bool:
        """Renews it when a quarter of its time is over; False when it went to another process."""
        return time.monotonic() <= self._renew_at or await self.renew()

    async def renew(self) -> bool:
        """Takes or keeps it; False while another process holds it."""
        now, asked_at = datetime.now(UTC), time.monotonic()
        mine_or_over = {"_id": self._name, "$or": [{"owner": self._owner}, {"expires_at": {"$lt": now}}]}
        lease = {"owner": self._owner, "expires_at": now + timedelta(seconds=self._seconds)}
        try:
            await self._leases.find_one_and_update(
                mine_or_over, {"$set": lease}, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            return False
        self._renew_at = asked_at + self._seconds / 4
        return True

    async def release(self) -> None:
        """Lets the next one have it at once."""
        await self._leases.delete_one({"_id": self._name, "owner": self._owner})
