"""The audit log: appended to in the transaction of what it tells of, and checked from end to end."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from identity.domain.audit import START, Broken, Entry, Head, Made, Stored, check_end, check_known, follow
from identity.repository import audit as repository
from identity.repository.audit import AnchoredHead
from identity.use_cases.context import Identity
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable
from servicekit.telemetry import AUDIT_ENTRIES

log = logging.getLogger(__name__)

ENTRY, HEAD = "audit log", "audit head"
BATCH = 1_000
NOTE_SECONDS = 10.0
NOTE = "audit log head"
"""The message under which the head is logged."""


async def append(
    identity: Identity, tx: Connection, actor: str, action: str, subject: str, details: Mapping[str, Any] | None = None
) -> None:
    """Adds an entry. The chain is one: whoever appends waits for the transactions that did before."""
    head = await repository.lock_head(tx)
    entry = Entry(head.sequence + 1, datetime.now(UTC), actor, action, subject, details or {})
    entry_hash = identity.audit_ring.hash(entry.text(head.hash), ENTRY)
    anchor = identity.audit_ring.hash(Head(entry.sequence, entry_hash).text(), HEAD)
    await repository.append(tx, entry, entry_hash, anchor)


async def list_entries(
    identity: Identity, limit: int, subject: str | None = None, action: str | None = None
) -> list[Stored]:
    """The newest entries first."""
    async with identity.store.connection() as connection:
        return await repository.load_newest(connection, limit, subject, action)


async def verify(
    identity: Identity, known: Mapping[int, bytes], progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Head:
    """Checks every entry, as of one moment, also against heads that were noted elsewhere; returns the newest.

    Raises Broken, or KeyRingError where a key of the log is not in its key file.
    """
    async with identity.store.connection() as tx, tx.transaction(isolation="repeatable_read", readonly=True):
        anchored = await repository.load_head(tx)
        if anchored is None:
            raise Broken(1, "its head is gone")
        end = START
        while batch := await repository.load_after(tx, end.sequence, BATCH):
            end = _follow_all(end, batch, known, _made(identity, ENTRY))
            progress(end.sequence, max(anchored.head.sequence, end.sequence))
            await asyncio.sleep(0)
    check_end(end, anchored.head, anchored.anchor, known, _made(identity, HEAD))
    return end


async def note_heads(identity: Identity) -> None:
    """Logs the newest entry for ever, whenever it changed: what left the database cannot be cut off there."""
    noted: AnchoredHead | None = None
    while True:
        try:
            async with identity.store.connection() as connection:
                found = await repository.load_head(connection)
        except StoreUnavailable as error:
            log.warning("the audit log's head waits for the database", extra={"error": str(error)})
        else:
            if found is not None and found != noted:
                noted = found
                AUDIT_ENTRIES.set(found.head.sequence)
                log.info(NOTE, extra={"sequence": found.head.sequence, "hash": found.head.hash.hex()})
        await asyncio.sleep(NOTE_SECONDS)


def _follow_all(head: Head, batch: list[Stored], known: Mapping[int, bytes], made: Made) -> Head:
    for stored in batch:
        head = follow(head, stored, made)
        check_known(head, known)
    return head


def _made(identity: Identity, purpose: str) -> Made:
    return lambda digest, text: identity.audit_ring.made(digest, text, purpose)
