"""What the relay, the consumer loop and the dead letters ask of a store; Postgres and MongoDB each answer it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from servicekit.envelope import Message, OutboxRecord

Tx = TypeVar("Tx")
Result = TypeVar("Result")


class StoreUnavailable(Exception):
    """The database cannot be reached now. Whether a commit under way took effect is unknown: do the work again."""


class SeenBefore(Exception):
    """A message is in the inbox already; do the transaction again without expecting new ones."""


class PendingRecord(NamedTuple):
    """An outbox row that waits for publication; `position` orders the rows and names them when they are done."""

    position: Any
    event_id: UUID
    record: OutboxRecord


class OutboxQueue(Protocol):
    """The outbox as its one relay sees it, from taking the lock to giving it up."""

    async def pending(self, limit: int) -> list[PendingRecord]:
        """The oldest waiting rows, in order. Raises StoreUnavailable, also when the lock was lost."""
        ...

    async def mark_published(self, done: Sequence[PendingRecord], published_at: datetime) -> None:
        """Takes the rows off the outbox, in one transaction with the service's own note of it."""
        ...

    async def wait(self, timeout_seconds: float) -> None:
        """Returns when a row may have come, or after the timeout."""
        ...


DeadLetterStatus = Literal["waiting", "replay", "replayed"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled, kept until somebody looks at it."""

    id: UUID
    consumer: str
    message: Message
    error: str
    status: DeadLetterStatus
    attempts: int
    created_at: datetime
    requested_by: str | None = None
    resolved_at: datetime | None = None


class Store(Protocol, Generic[Tx]):
    """A database with transactions and the three plumbing tables: outbox, inbox, dead letters."""

    async def transact(self, work: Callable[[Tx], Awaitable[Result]]) -> Result:
        """Runs the work in one transaction; conflicts are retried a bounded number of times.

        The work may run more than once, so it changes nothing outside the transaction.
        Raises StoreUnavailable when the database is away.
        """
        ...

    async def check(self) -> None:
        """Raises StoreUnavailable unless the database answers."""
        ...

    def outbox_queue(self) -> AbstractAsyncContextManager[OutboxQueue]:
        """Waits until this process is the service's only relay, then gives it the outbox."""
        ...

    async def first_seen(
        self, tx: Tx, consumer: str, messages: Sequence[Message], *, expect_new: bool
    ) -> list[Message]:
        """Records the messages in the inbox and returns those that were not there yet, in order.

        With `expect_new` a store may save a look and raise SeenBefore, which spoils the transaction, where one was.
        """
        ...

    async def bury(self, consumer: str, message: Message, error: str) -> None:
        """Writes a dead letter; the same record is buried once however often it comes."""
        ...

    async def dead_letters(
        self, status: DeadLetterStatus | None, limit: int, consumers: Sequence[str] | None = None
    ) -> list[DeadLetter]:
        """The newest dead letters first, of all consumers or of some."""
        ...

    async def request_replay(self, ids: Sequence[UUID], requested_by: str) -> int:
        """Marks waiting dead letters for replay by the running service; returns how many."""
        ...

    async def settle_replay(self, letter: DeadLetter, error: str | None) -> None:
        """Notes the end of a replay: replayed, or waiting again with the new error."""
        ...
