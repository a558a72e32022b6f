"""The audit log: appended to in the transaction of what it tells of."""

from datetime import UTC, datetime
from typing import Any

from identity.domain.audit import Entry
from identity.repository import audit as repository
from identity.use_cases.context import Identity
from servicekit.postgres import Connection

PURPOSE = "audit log"


async def append(
    identity: Identity, tx: Connection, actor: str, action: str, subject: str, details: dict[str, Any] | None = None
) -> None:
    """Adds an entry. The chain is one: whoever appends waits for the transactions that did before."""
    sequence, previous = await repository.lock_head(tx)
    entry = Entry(sequence + 1, datetime.now(UTC), actor, action, subject, details or {})
    await repository.insert(tx, entry, identity.ring.hash(entry.text(previous), PURPOSE))
