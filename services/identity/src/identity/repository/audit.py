"""Queries of the audit log; nothing here changes or removes an entry."""

import json

from identity.domain.audit import Entry
from servicekit.postgres import Connection

START = b""


async def lock_head(connection: Connection) -> tuple[int, bytes]:
    """(sequence, hash) of the newest entry, (0, START) before the first; nobody else appends until the commit."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.audit_log', 0))")
    row = await connection.fetchrow("SELECT sequence, hash FROM audit_log ORDER BY sequence DESC LIMIT 1")
    return (row["sequence"], row["hash"]) if row else (0, START)


async def insert(connection: Connection, entry: Entry, entry_hash: bytes) -> None:
    """Stores an entry."""
    await connection.execute(
        """INSERT INTO audit_log (sequence, at, actor, action, subject, details, hash)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        entry.sequence, entry.at, entry.actor, entry.action, entry.subject, json.dumps(entry.details), entry_hash,
    )  # fmt: skip
