"""A service's MongoDB: client, transactions, outbox, inbox and dead letters."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo import DeleteOne, WriteConcern
from pymongo.errors import (
    BulkWriteError,
    CollectionInvalid,
    ConnectionFailure,
    ExecutionTimeout,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

from servicekit.envelope import Message, OutboxRecord
from servicekit.ids import new_id
from servicekit.mongo_lease import MongoLease
from servicekit.settings import MongoSettings
from servicekit.store import DeadLetter, DeadLetterStatus, PendingRecord, Result, SeenBefore, StoreUnavailable
from servicekit.telemetry import database_span

AWAY = (ConnectionFailure, WTimeoutError, ExecutionTimeout)
DUPLICATE_KEY = 11_000
MAX_CONFLICT_RETRIES = 10
SIDE_BY_SIDE = 16
TRANSACTION: dict[str, Any] = {
    "read_concern": ReadConcern("snapshot"), "write_concern": WriteConcern("majority", j=True),
}  # fmt: skip
LEASE_SECONDS = 20.0
"""Longer than a batch may take to be acknowledged or given up, so that a successor never overtakes it."""
LEASE_RETRY_SECONDS = 1.0
FOREIGN_ROW_POLL_SECONDS = 0.25
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    uuid_representation=UuidRepresentation.STANDARD, tz_aware=True, tzinfo=UTC
)


class _away_means_unavailable(AbstractAsyncContextManager[None]):
    """Turns the driver's many ways to say 'no server' into StoreUnavailable."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, AWAY):
            raise StoreUnavailable(f"MongoDB is away: {error}") from error


class MongoStore:
    """See `servicekit.store.Store`; the transaction handle is a client session inside a transaction."""

    def __init__(self, client: AsyncIOMotorClient[Any], database: AsyncIOMotorDatabase[Any]) -> None:
        self.database = database
        self._client = client
        self._appended = asyncio.Event()
        self._alone, self._slots = asyncio.Lock(), asyncio.Semaphore(SIDE_BY_SIDE)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: MongoSettings) -> AsyncIterator["MongoStore"]:
        """A store with an open client; writes are majority-acknowledged and journaled."""
        timeout_ms = int(settings.mongo_timeout_seconds * 1000)
        client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(
            settings.mongo_url.get_secret_value(), serverSelectionTimeoutMS=5_000, socketTimeoutMS=timeout_ms,
            connectTimeoutMS=5_000, maxPoolSize=SIDE_BY_SIDE, w="majority", journal=True, appname=settings.service,
        )  # fmt: skip
        try:
            database = client.get_database(settings.mongo_database, codec_options=CODEC)
            store = cls(client, database)
            await store.check()
            yield store
        finally:
            client.close()

    async def transact(self, work: Callable[[AsyncIOMotorClientSession], Awaitable[Result]]) -> Result:
        """See Store.transact; reads are of one snapshot, so a lost race shows as a conflict and is tried again."""
        conflict: PyMongoError | None = None
        async with self.available(), await self._client.start_session() as session:
            for attempt in range(MAX_CONFLICT_RETRIES + 1):
                try:
                    async with self._turn(alone=attempt > 0), session.start_transaction(**TRANSACTION):
                        return await work(session)
                except PyMongoError as error:
                    if isinstance(error, AWAY) or not error.has_error_label("TransientTransactionError"):
                        raise
                    conflict = error
                await asyncio.sleep(0.005 * 2 ** min(attempt, 6))
        raise StoreUnavailable(f"the transaction met a conflict at each try: {conflict}") from conflict

    @asynccontextmanager
    async def _turn(self, alone: bool) -> AsyncIterator[None]:
        """Transactions run side by side; one that lost a race then runs alone in this process.

        MongoDB's writers do not wait for one another, they fail: a large transaction would lose for ever against a
        stream of small ones.
        """
        async with AsyncExitStack() as held:
            if alone:
                await held.enter_async_context(self._alone)
            for _ in range(SIDE_BY_SIDE if alone else 1):
                await held.enter_async_context(self._slots)
            yield

    @asynccontextmanager
    async def available(self) -> AsyncIterator[None]:
        """Around what reaches the database: one span, and StoreUnavailable when it is away."""
        with database_span("mongodb"):
            async with _away_means_unavailable():
                yield

    async def check(self) -> None:
        """See Store.check."""
        async with self.available():
            await self.database.command("ping")

    async def append_to_outbox(self, session: AsyncIOMotorClientSession, records: Sequence[OutboxRecord]) -> None:
        """Stores events in the transaction of the change that caused them, after its documents were written."""
        if records:
            documents = [{"_id": new_id(), **record._asdict()} for record in records]  # the id is the event's, too
            await self.database.outbox.insert_many(documents, session=session)
            self._appended.set()

    @asynccontextmanager
    async def outbox_queue(self) -> AsyncIterator["MongoOutboxQueue"]:
        """See Store.outbox_queue: a lease, renewed at each turn, which runs out if its holder dies."""
        queue = MongoOutboxQueue(self.database, self._appended)
        async with _away_means_unavailable():
            try:  # one that is cancelled while it asks may have got the lease all the same
                while not await queue.renew_lease():  # noqa: ASYNC110 - another process holds it
                    await asyncio.sleep(LEASE_RETRY_SECONDS)
                yield queue
            finally:
                await queue.release_lease()

    async def first_seen(
        self, tx: AsyncIOMotorClientSession, consumer: str, messages: Sequence[Message], *, expect_new: bool
    ) -> list[Message]:
        """See Store.first_seen; a duplicate spoils a transaction here, and a look costs a round trip."""
        by_id: dict[str, Message] = {}
        for message in messages:
            by_id.setdefault("|".join((consumer, *message.identity)), message)
        known = set() if expect_new else await self._in_inbox(tx, list(by_id))
        fresh = [identity for identity in by_id if identity not in known]
        if fresh:
            now = datetime.now(UTC)
            documents = [{"_id": identity, "received_at": now} for identity in fresh]
            try:
                await self.database.inbox.insert_many(documents, session=tx, ordered=False)
            except BulkWriteError as error:
                if any(one["code"] == DUPLICATE_KEY for one in (error.details or {}).get("writeErrors", ())):
                    raise SeenBefore from error
                raise
        return [by_id[identity] for identity in fresh]

    async def _in_inbox(self, tx: AsyncIOMotorClientSession, identities: list[str]) -> set[str]:
        found = self.database.inbox.find({"_id": {"$in": identities}}, {"_id": 1}, session=tx)
        return {document["_id"] for document in await found.to_list(None)}

    async def bury(self, consumer: str, message: Message, error: str) -> None:
        """See Store.bury."""
        place = f"{consumer}|{message.topic}|{message.partition}|{message.offset}|{message.published_at.isoformat()}"
        document = {
            "_id": new_id(), "place": place, "consumer": consumer, "message": message._asdict(), "error": error,
            "status": "waiting", "attempts": 0, "created_at": datetime.now(UTC),
        }  # fmt: skip
        async with _away_means_unavailable():
            await self.database.dead_letters.update_one({"place": place}, {"$setOnInsert": document}, upsert=True)

    async def dead_letters(
        self, status: DeadLetterStatus | None, limit: int, consumers: Sequence[str] | None = None
    ) -> list[DeadLetter]:
        """See Store.dead_letters."""
        matching = {"status": status} if status else {}
        matching |= {"consumer": {"$in": list(consumers)}} if consumers is not None else {}
        async with _away_means_unavailable():
            cursor = self.database.dead_letters.find(matching).sort("_id", -1).limit(limit)
            return [_dead_letter(document) async for document in cursor]

    async def request_replay(self, ids: Sequence[UUID], requested_by: str) -> int:
        """See Store.request_replay."""
        async with _away_means_unavailable():
            result = await self.database.dead_letters.update_many(
                {"_id": {"$in": list(ids)}, "status": "waiting"},
                {"$set": {"status": "replay", "requested_by": requested_by, "requested_at": datetime.now(UTC)}},
            )
        return result.modified_count

    async def settle_replay(self, letter: DeadLetter, error: str | None) -> None:
        """See Store.settle_replay."""
        outcome = (
            {"status": "waiting", "error": error} if error else {"status": "replayed", "resolved_at": datetime.now(UTC)}
        )
        async with _away_means_unavailable():
            await self.database.dead_letters.update_one({"_id": letter.id}, {"$set": outcome, "$inc": {"attempts": 1}})


class MongoOutboxQueue:
    """See `servicekit.store.OutboxQueue`; rows of other replicas are found by a slow poll."""

    def __init__(self, database: AsyncIOMotorDatabase[Any], appended: asyncio.Event) -> None:
        self._database = database
        self._appended = appended
        self._lease = MongoLease(database, "relay", LEASE_SECONDS)

    async def renew_lease(self) -> bool:
        """Takes or keeps the lease; False while another relay holds it."""
        return await self._lease.renew()

    async def release_lease(self) -> None:
        """Lets the next relay start at once; where the database is away the lease runs out by itself."""
        with suppress(*AWAY):
            await self._lease.release()

    async def pending(self, limit: int) -> list[PendingRecord]:
        """See OutboxQueue.pending."""
        if not await self._lease.keep():
            raise StoreUnavailable("the relay's lease went to another process")
        self._appended.clear()
        documents = await self._database.outbox.find().sort("_id", 1).limit(limit).to_list(None)
        return [PendingRecord(d["_id"], d.pop("_id"), OutboxRecord(**d)) for d in documents]

    async def mark_published(self, done: Sequence[PendingRecord], published_at: datetime) -> None:
        """See OutboxQueue.mark_published."""
        await self._database.outbox.bulk_write([DeleteOne({"_id": row.position}) for row in done], ordered=False)

    async def wait(self, timeout_seconds: float) -> None:
        """See OutboxQueue.wait."""
        try:
            await asyncio.wait_for(self._appended.wait(), min(timeout_seconds, FOREIGN_ROW_POLL_SECONDS))
        except TimeoutError:
            return


async def create_plumbing_indexes(database: AsyncIOMotorDatabase[Any]) -> None:
    """The indexes of the plumbing collections; `_id` serves the others. Those of people are first written in
    transactions, which lose to one another where each makes the collection."""
    there = await database.list_collection_names()
    for name in {"people", "personal_keys"}.difference(there):
        with suppress(CollectionInvalid):
            await database.create_collection(name)
    await database.dead_letters.create_index("place", unique=True)
    await database.dead_letters.create_index("status")


def _dead_letter(document: dict[str, Any]) -> DeadLetter:
    return DeadLetter(
        document["_id"], document["consumer"], Message(**document["message"]), document["error"], document["status"],
        document["attempts"], document["created_at"], document.get("requested_by"), document.get("resolved_at"),
    )  # fmt: skip
