"""Where sealed data keys lie: `servicekit.vault.DataKeyStore` for Postgres and for MongoDB."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo import ReturnDocument

from servicekit.postgres import Connection


class PostgresDataKeys:
    """The table `personal_keys`; the handle is a connection."""

    async def load(self, tx: Connection, subjects: Sequence[str]) -> Mapping[str, bytes]:
        """See DataKeyStore.load."""
        rows = await tx.fetch("SELECT subject, sealed_key FROM personal_keys WHERE subject = ANY($1)", list(subjects))
        return {row["subject"]: row["sealed_key"] for row in rows}

    async def add(self, tx: Connection, subject: str, sealed: bytes) -> bytes:
        """See DataKeyStore.add; the update that changes nothing makes the row that is there come back."""
        stored: bytes | None = await tx.fetchval(
            """INSERT INTO personal_keys (subject, sealed_key) VALUES ($1, $2)
               ON CONFLICT (subject) DO UPDATE SET subject = EXCLUDED.subject RETURNING sealed_key""",
            subject, sealed,
        )  # fmt: skip
        assert stored is not None  # noqa: S101 - one row is inserted or found
        return stored

    async def remove(self, tx: Connection, subject: str) -> bool:
        """See DataKeyStore.remove."""
        return bool(await tx.fetchval("DELETE FROM personal_keys WHERE subject = $1 RETURNING true", subject))


class MongoDataKeys:
    """The collection `personal_keys`; the handle is a session, or None outside of a transaction."""

    def __init__(self, database: AsyncIOMotorDatabase[Any]) -> None:
        self._keys = database.personal_keys

    async def load(self, tx: AsyncIOMotorClientSession | None, subjects: Sequence[str]) -> Mapping[str, bytes]:
        """See DataKeyStore.load."""
        found = self._keys.find({"_id": {"$in": list(subjects)}}, session=tx)
        return {document["_id"]: document["sealed_key"] async for document in found}

    async def add(self, tx: AsyncIOMotorClientSession | None, subject: str, sealed: bytes) -> bytes:
        """See DataKeyStore.add."""
        document = {"sealed_key": sealed, "created_at": datetime.now(UTC)}
        stored = await self._keys.find_one_and_update(
            {"_id": subject}, {"$setOnInsert": document}, upsert=True, return_document=ReturnDocument.AFTER, session=tx
        )
        return stored["sealed_key"]

    async def remove(self, tx: AsyncIOMotorClientSession | None, subject: str) -> bool:
        """See DataKeyStore.remove."""
        return (await self._keys.delete_one({"_id": subject}, session=tx)).deleted_count == 1
