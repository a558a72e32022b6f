"""Queries about text messages on their way."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from identity.domain.messages import DOUBT, MAX_ATTEMPTS, MAX_DOUBTFUL
from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A row of `sms_messages`, taken for one attempt; `attempts` were made before."""

    id: UUID
    otp_request_id: UUID | None
    sealed: bytes
    attempts: int
    expires_at: datetime


async def insert_message(
    tx: Connection, message_id: UUID, otp_request_id: UUID | None, sealed: bytes, expires_at: datetime
) -> None:
    """Stores a message that is due at once."""
    await tx.execute(
        """INSERT INTO sms_messages (id, otp_request_id, sealed, due_at, expires_at)
           VALUES ($1, $2, $3, now(), $4)""",
        message_id, otp_request_id, sealed, expires_at,
    )  # fmt: skip


async def claim_message(connection: Connection) -> QueuedMessage | None:
    """The message that is due the longest, for one attempt.

    Until the attempt's outcome is stored it counts as doubtful: if this process dies now, the message may have been
    sent, and is tried again only when it has had time to arrive.
    """
    row = await connection.fetchrow(
        """UPDATE sms_messages SET attempts = attempts + 1, doubtful = doubtful + 1, due_at = now() + $1::interval
           WHERE id = (
               SELECT id FROM sms_messages
               WHERE due_at <= now() AND expires_at > now() AND attempts < $2 AND doubtful < $3
               ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
           ) RETURNING id, otp_request_id, sealed, attempts - 1 AS attempts, expires_at""",
        DOUBT, MAX_ATTEMPTS, MAX_DOUBTFUL,
    )  # fmt: skip
    return QueuedMessage(*row) if row else None


async def note_sent(tx: Connection, otp_request_id: UUID | None) -> None:
    """A provider took a request's message, or may have."""
    await tx.execute("UPDATE otp_requests SET sent_at = now() WHERE id = $1", otp_request_id)


async def delete_message(tx: Connection, message_id: UUID) -> None:
    """The message needs no further attempt."""
    await tx.execute("DELETE FROM sms_messages WHERE id = $1", message_id)


async def postpone_message(tx: Connection, message_id: UUID, wait: timedelta) -> None:
    """The attempt surely sent nothing: another one follows."""
    await tx.execute(
        "UPDATE sms_messages SET doubtful = doubtful - 1, due_at = now() + $2::interval WHERE id = $1",
        message_id, wait,
    )  # fmt: skip


async def delete_dead_messages(connection: Connection) -> int:
    """Deletes messages that are of no use any more or were tried often enough; how many."""
    rows = await connection.fetch(
        """DELETE FROM sms_messages
           WHERE expires_at <= now() OR due_at <= now() AND (attempts >= $1 OR doubtful >= $2) RETURNING 1""",
        MAX_ATTEMPTS, MAX_DOUBTFUL,
    )  # fmt: skip
    return len(rows)
