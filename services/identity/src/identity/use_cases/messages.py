"""Text messages: put on their way with the change they tell of, sent off the request's path.

A message is sent at least once, rather than at most once: a code that comes twice is the same code, one that never
comes is a person who cannot sign in. No provider offers more: neither knows a message that it was given before.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from identity.domain.messages import MAX_ATTEMPTS, MessageKind, Outcome, TextMessage, next_attempt_after
from identity.domain.phones import parse_phone
from identity.providers.sms import SmsSender
from identity.repository import messages as repository
from identity.repository.messages import QueuedMessage
from identity.use_cases.context import Identity
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable
from servicekit.telemetry import SMS_SENDS

log = logging.getLogger(__name__)

SENDERS = 4
"""So many messages of one process are sent at once."""
IDLE_SECONDS = 1.0
"""How long a message waits that another process put on its way, or that is due again."""
NOTICE_LIFE = timedelta(hours=1)


async def enqueue(
    identity: Identity, tx: Connection, message: TextMessage, expires_at: datetime, otp_request_id: UUID | None = None
) -> None:
    """Puts a message on its way with the transaction; call `identity.messages_due.set()` once that is committed."""
    message_id = new_id()
    body = msgspec.json.encode([message.phone.number, message.kind, dict(message.parameters)])
    sealed = identity.ring.seal(body, _context(message_id))
    await repository.insert_message(tx, message_id, otp_request_id, sealed, expires_at)


async def tell(identity: Identity, tx: Connection, message: TextMessage) -> None:
    """Puts a notice on its way: news that a person should hear within the hour, sent within a second of the commit."""
    await enqueue(identity, tx, message, datetime.now(UTC) + NOTICE_LIFE)


async def send_messages(identity: Identity) -> None:
    """Sends for ever; as many of these run as messages may be sent at once."""
    while True:
        identity.messages_due.clear()  # before looking, so that what comes while we look wakes us
        try:
            while await send_next(identity):
                pass
        except StoreUnavailable as error:
            log.warning("messages wait for the database", extra={"error": str(error)})
        with suppress(TimeoutError):
            await asyncio.wait_for(identity.messages_due.wait(), IDLE_SECONDS)


async def send_next(identity: Identity) -> bool:
    """One attempt for the message that is due the longest; False where none is.

    The provider is asked outside of any transaction. If the process dies before the outcome is stored, the message
    counts as doubtful: see `claim_message`.
    """
    async with identity.store.connection() as connection:
        claimed = await repository.claim_message(connection)
    if claimed is None:
        return False
    message = _opened(identity, claimed)
    sender = identity.sms.choose(message, claimed.attempts)
    left = int((claimed.expires_at - datetime.now(UTC)).total_seconds())
    outcome, code = await sender.send(message, str(claimed.otp_request_id or claimed.id), left)
    identity.sms.note(sender, outcome)
    _tell_operators(sender, outcome, code)
    await identity.store.transact(lambda tx: _settle(tx, claimed, outcome, identity.sms.count))
    return True


async def _settle(tx: Connection, claimed: QueuedMessage, outcome: Outcome, providers: int) -> None:
    if outcome in (Outcome.SENT, Outcome.UNKNOWN):
        await repository.note_sent(tx, claimed.otp_request_id)
    attempts = claimed.attempts + 1
    if outcome in (Outcome.NOT_NOW, Outcome.AWAY) and attempts < MAX_ATTEMPTS:
        await repository.postpone_message(tx, claimed.id, next_attempt_after(attempts, providers))
    elif outcome is not Outcome.UNKNOWN:
        await repository.delete_message(tx, claimed.id)


def _tell_operators(sender: SmsSender, outcome: Outcome, code: str) -> None:
    SMS_SENDS.labels(sender.name, outcome).inc()
    if outcome is not Outcome.SENT:
        log.warning("message not sent", extra={"provider": sender.name, "outcome": outcome, "code": code})


def _opened(identity: Identity, queued: QueuedMessage) -> TextMessage:
    fields: list[Any] = msgspec.json.decode(identity.ring.open(queued.sealed, _context(queued.id)))
    number, kind, parameters = fields
    return TextMessage(parse_phone(number), MessageKind(kind), parameters)


def _context(message_id: UUID) -> str:
    return f"sms_messages.sealed|{message_id}"
