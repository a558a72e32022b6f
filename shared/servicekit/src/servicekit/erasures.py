"""Who is gone, erased or merged: remembered longer than anything about them, for Postgres and for MongoDB.

Whoever writes something about a person takes the person's turn first (`require_present`), and so does an erasure. So
nothing is written for somebody who is gone, whichever of the two comes first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ReturnDocument

from servicekit.mongo import MongoStore
from servicekit.postgres import Connection, PostgresStore
from servicekit.problems import Problem

TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.person.' || $1, 3))"


@dataclass(frozen=True, slots=True)
class Erasure:
    """That a person is gone from a service; `merged_into` names whose the data is now, None where it was deleted."""

    at: datetime
    erased: Mapping[str, int] = field(default_factory=dict)
    """How many of what were deleted, for all times together."""
    merged_into: str | None = None


class Erasures(Protocol):
    """Where a service notes who is gone; `tx` is the store's transaction handle."""

    async def turn(self, tx: Any, subject: str) -> Erasure | None:
        """Takes the person's turn until the transaction ends; whether and how the person is gone."""
        ...

    async def find(self, subject: str) -> Erasure | None:
        """Whether and how the person is gone, by what is committed."""
        ...

    async def record(self, tx: Any, subject: str, erasure: Erasure) -> None:
        """Notes it in place of what was noted before; the caller has the person's turn."""
        ...


async def require_present(erasures: Erasures, tx: Any, subject: str) -> None:
    """Takes the person's turn; call it before anything else is read or written in the transaction.

    Raises Problem 401 where the person is gone: an access token may outlive its owner for a moment.
    """
    if await erasures.turn(tx, subject) is not None:
        raise account_gone()


def account_gone() -> Problem:
    """That the person is erased or merged."""
    detail = "This account was erased or merged into another one; sign in again."
    return Problem(401, "account-gone", detail, headers={"WWW-Authenticate": "Bearer"})


class PostgresErasures:
    """The table `erasures`; a turn is a lock that others wait for."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def turn(self, tx: Connection, subject: str) -> Erasure | None:
        """See Erasures.turn."""
        await tx.execute(TAKE_TURN, subject)
        return await self._read(tx, subject)

    async def find(self, subject: str) -> Erasure | None:
        """See Erasures.find."""
        async with self._store.connection() as connection:
            return await self._read(connection, subject)

    async def _read(self, connection: Connection, subject: str) -> Erasure | None:
        query = "SELECT erased_at, erased, merged_into FROM erasures WHERE subject = $1"
        row = await connection.fetchrow(query, subject)
        return Erasure(row["erased_at"], json.loads(row["erased"]), row["merged_into"]) if row else None

    async def record(self, tx: Connection, subject: str, erasure: Erasure) -> None:
        """See Erasures.record."""
        await tx.execute(
            """INSERT INTO erasures (subject, erased_at, erased, merged_into) VALUES ($1, $2, $3, $4)
               ON CONFLICT (subject) DO UPDATE
               SET (erased_at, erased, merged_into) = (excluded.erased_at, excluded.erased, excluded.merged_into)""",
            subject, erasure.at, json.dumps(dict(erasure.erased)), erasure.merged_into,
        )  # fmt: skip


class MongoErasures:
    """The collection `people`, with a document for each person that something was ever written of.

    Transactions that write one document cannot both succeed: a turn counts the document's turns, and of two that meet
    the store runs one again.
    """

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._people = store.database.people

    async def turn(self, tx: AsyncIOMotorClientSession, subject: str) -> Erasure | None:
        """See Erasures.turn."""
        document = await self._people.find_one_and_update(
            {"_id": subject}, {"$inc": {"turns": 1}}, upsert=True, return_document=ReturnDocument.AFTER, session=tx
        )
        return _erasure(document)

    async def find(self, subject: str) -> Erasure | None:
        """See Erasures.find."""
        async with self._store.available():
            document = await self._people.find_one({"_id": subject})
        return _erasure(document) if document else None

    async def record(self, tx: AsyncIOMotorClientSession, subject: str, erasure: Erasure) -> None:
        """See Erasures.record."""
        gone = {"erased_at": erasure.at, "erased": dict(erasure.erased), "merged_into": erasure.merged_into}
        await self._people.update_one({"_id": subject}, {"$set": gone}, session=tx)


def _erasure(document: Mapping[str, Any]) -> Erasure | None:
    if "erased_at" not in document:
        return None
    return Erasure(document["erased_at"], document["erased"], document["merged_into"])
