"""Where sealed data keys lie: `servicekit.vault.DataKeyStore` for Postgres and for MongoDB."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo import ReturnDocument, UpdateOne

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

    async def page(self, tx: Connection, after: str, limit: int) -> list[tuple[str, bytes]]:
        """See DataKeyStore.page."""
        rows = await tx.fetch(
            "SELECT subject, sealed_key FROM personal_keys WHERE subject > $1 ORDER BY subject LIMIT $2", after, limit
        )
        return [(row["subject"], row["sealed_key"]) for row in rows]

    async def replace(self, tx: Connection, renewed: Sequence[tuple[str, bytes, bytes]]) -> None:
        """See DataKeyStore.replace."""
        await tx.executemany("UPDATE personal_keys SET sealed_key = $3 WHERE subject = $1 AND sealed_key = $2", renewed)

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

    async def page(self, tx: AsyncIOMotorClientSession | None, after: str, limit: int) -> list[tuple[str, bytes]]:
        """See DataKeyStore.page."""
        found = self._keys.find({"_id": {"$gt": after}}, session=tx).sort("_id", 1).limit(limit)
        return [(document["_id"], document["sealed_key"]) async for document in found]

    async def replace(
        self, tx: AsyncIOMotorClientSession | None, renewed: Sequence[tuple[str, bytes, bytes]]
    ) -> None:  # fmt: skip
        """See DataKeyStore.replace."""
        changes = [
            UpdateOne({"_id": who, "sealed_key": old}, {"$set": {"sealed_key": new}}) for who, old, new in renewed
        ]
        if changes:
            await self._keys.bulk_write(changes, ordered=False, session=tx)

    async def remove(self, tx: AsyncIOMotorClientSession | None, subject: str) -> bool:
        """See DataKeyStore.remove."""
        return (await self._keys.delete_one({"_id": subject}, session=tx)).deleted_count == 1
