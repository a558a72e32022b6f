"""Queries of the audit log; nothing here changes or removes an entry, and the database refuses it."""

import json
from dataclasses import dataclass

import asyncpg

from identity.domain.audit import Entry, Head, Stored
from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """The head with the keyed hash that shows who set it."""

    head: Head
    anchor: bytes


async def lock_head(connection: Connection) -> Head:
    """The newest entry; nobody else appends until the transaction ends."""
    row = await connection.fetchrow("SELECT sequence, hash FROM audit_head FOR UPDATE")
    assert row is not None  # noqa: S101 - the migration stored it, and the database refuses to delete it
    return Head(row["sequence"], row["hash"])


async def load_head(connection: Connection) -> AnchoredHead | None:
    """The head; None where somebody removed it."""
    row = await connection.fetchrow("SELECT sequence, hash, anchor FROM audit_head")
    return AnchoredHead(Head(row["sequence"], row["hash"]), row["anchor"]) if row else None


async def append(connection: Connection, entry: Entry, entry_hash: bytes, anchor: bytes) -> None:
    """Stores an entry and moves the head, which the caller has locked."""
    await connection.execute(
        """WITH entry AS (
               INSERT INTO audit_log (sequence, at, actor, action, subject, details, hash)
               VALUES ($1, $2, $3, $4, $5, $6, $7))
           UPDATE audit_head SET sequence = $1, hash = $7, anchor = $8""",
        entry.sequence, entry.at, entry.actor, entry.action, entry.subject, json.dumps(entry.details), entry_hash,
        anchor,
    )  # fmt: skip


async def load_after(connection: Connection, sequence: int, limit: int) -> list[Stored]:
    """The next entries, in order."""
    rows = await connection.fetch(
        "SELECT * FROM audit_log WHERE sequence > $1 ORDER BY sequence LIMIT $2", sequence, limit
    )
    return [_stored(row) for row in rows]


async def load_newest(connection: Connection, limit: int, subject: str | None, action: str | None) -> list[Stored]:
    """The newest entries first: all, or those about a subject or of an action."""
    rows = await connection.fetch(
        """SELECT * FROM audit_log WHERE ($2::text IS NULL OR subject = $2) AND ($3::text IS NULL OR action = $3)
           ORDER BY sequence DESC LIMIT $1""",
        limit, subject, action,
    )  # fmt: skip
    return [_stored(row) for row in rows]


def _stored(row: asyncpg.Record) -> Stored:
    entry = Entry(row["sequence"], row["at"], row["actor"], row["action"], row["subject"], json.loads(row["details"]))
    return Stored(entry, row["hash"])
