"""A service's Postgres: pool, transactions, outbox, inbox and dead letters."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from servicekit.envelope import Message, OutboxRecord
from servicekit.ids import new_id
from servicekit.settings import PostgresSettings
from servicekit.store import DeadLetter, DeadLetterStatus, PendingRecord, Result, StoreUnavailable
from servicekit.telemetry import database_span

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

RELAY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '.outbox', 0))"
LOCK_RETRY_SECONDS = 1.0
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # the connection broke off in the middle of an answer
    OSError,
    TimeoutError,
)

CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
CONFLICT_RETRIES = AsyncRetrying(
    retry=retry_if_exception_type(CONFLICTS),
    stop=stop_after_attempt(5),
    wait=wait_random_exponential(multiplier=0.02, max=0.5),
    reraise=True,
)
PublishedHook = Callable[[Connection, Sequence[PendingRecord], datetime], Awaitable[None]]


async def _keep_session(_: Connection) -> None:
    """No reset between uses of a connection (a round trip saved): nothing here changes session state."""


def is_away(error: BaseException) -> bool:
    """Whether the server is to blame. InterfaceError also means misuse, so only a closed connection counts."""
    return isinstance(error, AWAY) or (isinstance(error, asyncpg.InterfaceError) and "closed" in str(error))


class _away_means_unavailable(AbstractAsyncContextManager[None]):
    """Turns the driver's many ways to say 'no server' into StoreUnavailable."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if error is not None and is_away(error):
            raise StoreUnavailable(f"Postgres is away: {error!r}") from error


class PostgresStore:
    """See `servicekit.store.Store`; the transaction handle is an asyncpg connection."""

    def __init__(self, pool: asyncpg.Pool, dsn: str, on_published: PublishedHook | None = None) -> None:
        self.pool = pool
        self._dsn = dsn
        self._on_published = on_published

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, settings: PostgresSettings, on_published: PublishedHook | None = None
    ) -> AsyncIterator["PostgresStore"]:
        """A store with an open pool. `on_published` runs in the transaction that takes rows off the outbox."""
        dsn = settings.postgres_dsn.get_secret_value()
        async with (
            _away_means_unavailable(),
            asyncpg.create_pool(
                dsn, min_size=1, max_size=settings.postgres_pool_size, reset=_keep_session,
                command_timeout=settings.postgres_timeout_seconds, timeout=5.0,
            ) as pool,
        ):  # fmt: skip
            yield cls(pool, dsn, on_published)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for reading, under one span. Raises StoreUnavailable."""
        with database_span("postgresql"):
            async with _away_means_unavailable(), self.pool.acquire(timeout=5.0) as connection:
                yield connection

    async def transact(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """See Store.transact."""
        try:
            return await self._transact_once(work)
        except CONFLICTS:
            return await CONFLICT_RETRIES.copy()(self._transact_once, work)

    async def _transact_once(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        async with self.connection() as connection, connection.transaction():
            return await work(connection)

    async def check(self) -> None:
        """See Store.check."""
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1")

    @asynccontextmanager
    async def outbox_queue(self) -> AsyncIterator["PostgresOutboxQueue"]:
        """See Store.outbox_queue: a session advisory lock, which ends with its connection however that dies."""
        async with _away_means_unavailable():
            # A queue's table is mostly rows that are gone: its index passes them by, a scan of the table does not.
            settings = {"enable_seqscan": "off"}
            connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=30, server_settings=settings)
            try:
                while not await connection.fetchval(RELAY_LOCK):  # noqa: ASYNC110 - another process holds it
                    await asyncio.sleep(LOCK_RETRY_SECONDS)
                queue = PostgresOutboxQueue(connection, self._on_published)
                await connection.add_listener("outbox", queue.wake)
                yield queue
            finally:
                connection.terminate()

    @asynccontextmanager
    async def listening(self, channel: str, hear: Callable[[str], None]) -> AsyncIterator[asyncio.Event]:
        """Calls `hear` with the payload of each notice of the channel, in the order of their commits.

        The event is set once the connection is lost: notices may have been missed. Raises StoreUnavailable.
        """
        lost = asyncio.Event()
        async with _away_means_unavailable():
            connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=30)
            try:
                connection.add_termination_listener(lambda _: lost.set())
                await connection.add_listener(channel, lambda *notice: hear(str(notice[-1])))
                yield lost
            finally:
                connection.terminate()

    async def first_seen(
        self, tx: Connection, consumer: str, messages: Sequence[Message], *, expect_new: bool
    ) -> list[Message]:
        """See Store.first_seen; one statement looks and records, so nothing need be expected."""
        identities = [message.identity for message in messages]
        rows = await tx.fetch(
            """INSERT INTO inbox (consumer, source, event_id)
               SELECT DISTINCT $1, source, event_id FROM unnest($2::text[], $3::text[]) AS m (source, event_id)
               ON CONFLICT DO NOTHING RETURNING source, event_id""",
            consumer, [source for source, _ in identities], [event_id for _, event_id in identities],
        )  # fmt: skip
        fresh = {(row["source"], row["event_id"]) for row in rows}
        return [m for m, identity in zip(messages, identities, strict=True) if _take(fresh, identity)]

    async def bury(self, consumer: str, message: Message, error: str) -> None:
        """See Store.bury."""
        async with self.connection() as connection:
            await connection.execute(
                """INSERT INTO dead_letters (id, consumer, topic, partition, record_offset, key, value, headers,
                                             published_at, error)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                   ON CONFLICT (consumer, topic, partition, record_offset, published_at) DO NOTHING""",
                new_id(), consumer, message.topic, message.partition, message.offset, message.key, message.value,
                json.dumps(message.headers), message.published_at, error,
            )  # fmt: skip

    async def dead_letters(
        self, status: DeadLetterStatus | None, limit: int, consumers: Sequence[str] | None = None
    ) -> list[DeadLetter]:
        """See Store.dead_letters."""
        async with self.connection() as connection:
            rows = await connection.fetch(
                """SELECT * FROM dead_letters
                   WHERE (status = $1 OR $1 IS NULL) AND (consumer = ANY($3) OR $3 IS NULL)
                   ORDER BY id DESC LIMIT $2""",
                status, limit, consumers,
            )  # fmt: skip
        return [_dead_letter(row) for row in rows]

    async def request_replay(self, ids: Sequence[UUID], requested_by: str) -> int:
        """See Store.request_replay."""
        async with self.connection() as connection:
            rows = await connection.fetch(
                """UPDATE dead_letters SET status = 'replay', requested_by = $2, requested_at = now()
                   WHERE id = ANY($1) AND status = 'waiting' RETURNING id""",
                list(ids), requested_by,
            )  # fmt: skip
        return len(rows)

    async def settle_replay(self, letter: DeadLetter, error: str | None) -> None:
        """See Store.settle_replay."""
        async with self.connection() as connection:
            await connection.execute(
                """UPDATE dead_letters
                   SET status = CASE WHEN $2::text IS NULL THEN 'replayed' ELSE 'waiting' END,
                       error = coalesce($2, error), attempts = attempts + 1,
                       resolved_at = CASE WHEN $2::text IS NULL THEN now() END
                   WHERE id = $1""",
                letter.id, error,
            )  # fmt: skip


async def append_to_outbox(connection: Connection, records: Sequence[OutboxRecord]) -> None:
    """Stores events beside the change that caused them, and wakes the relay when the transaction commits.

    Call it after the rows of the change are locked: positions then follow the order of changes of one key.
    """
    if not records:
        return
    await connection.execute(
        """WITH stored AS (
               INSERT INTO outbox (topic, key, type, payload, traceparent)
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[])
           ) SELECT pg_notify('outbox', '')""",
        *(list(column) for column in zip(*records, strict=True)),
    )  # fmt: skip


class PostgresOutboxQueue:
    """See `servicekit.store.OutboxQueue`; it works on the connection that holds the lock, so it never outlives it."""

    def __init__(self, connection: asyncpg.Connection, on_published: PublishedHook | None) -> None:
        self._connection = connection
        self._on_published = on_published
        self._woken = asyncio.Event()

    def wake(self, *_: object) -> None:
        """A NOTIFY came."""
        self._woken.set()

    async def pending(self, limit: int) -> list[PendingRecord]:
        """See OutboxQueue.pending."""
        self._woken.clear()
        rows = await self._connection.fetch("SELECT * FROM outbox ORDER BY position LIMIT $1", limit)
        return [
            PendingRecord(position, event_id, OutboxRecord(topic, key, kind, payload, traceparent))
            for position, event_id, topic, key, kind, payload, traceparent, _ in rows
        ]

    async def mark_published(self, done: Sequence[PendingRecord], published_at: datetime) -> None:
        """See OutboxQueue.mark_published."""
        async with self._connection.transaction():
            await self._connection.execute(
                "DELETE FROM outbox WHERE position = ANY($1::bigint[])", [row.position for row in done]
            )
            if self._on_published:
                await self._on_published(self._connection, done, published_at)

    async def wait(self, timeout_seconds: float) -> None:
        """See OutboxQueue.wait."""
        if self._connection.is_closed():
            raise StoreUnavailable("the relay's connection to Postgres is closed")
        try:
            await asyncio.wait_for(self._woken.wait(), timeout_seconds)
        except TimeoutError:
            return


def _take(fresh: set[tuple[str, str]], identity: tuple[str, str]) -> bool:
    """Whether the identity is fresh; a second message with it in the same batch is not."""
    if identity not in fresh:
        return False
    fresh.discard(identity)
    return True


def _dead_letter(row: asyncpg.Record) -> DeadLetter:
    message = Message(
        row["topic"], row["partition"], row["record_offset"], row["key"], row["value"], json.loads(row["headers"]),
        row["published_at"],
    )  # fmt: skip
    return DeadLetter(
        row["id"], row["consumer"], message, row["error"], row["status"], row["attempts"], row["created_at"],
        row["requested_by"], row["resolved_at"],
    )  # fmt: skip
