"""Queries about what people agreed to; nothing here changes a decision."""

from typing import Any
from uuid import UUID

from identity.domain.consents import Consent, Document
from servicekit.postgres import Connection

COLUMNS = "id, document, version, granted, app, at"


async def newest_of(connection: Connection, user_id: UUID, document: Document) -> Consent | None:
    """A person's newest decision about a document."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM consents WHERE user_id = $1 AND document = $2 ORDER BY at DESC, id DESC LIMIT 1",  # noqa: S608 - constant column names
        user_id, document,
    )  # fmt: skip
    return _consent(row) if row else None


async def history_of(connection: Connection, user_id: UUID, limit: int) -> list[Consent]:
    """A person's decisions, the newest first."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM consents WHERE user_id = $1 ORDER BY at DESC, id DESC LIMIT $2",  # noqa: S608 - constant column names
        user_id, limit,
    )  # fmt: skip
    return [_consent(row) for row in rows]


async def decisions_of(connection: Connection, user_id: UUID) -> list[Consent]:
    """The decision that holds for each document that the person has decided about."""
    rows = await connection.fetch(
        f"""SELECT DISTINCT ON (document) {COLUMNS} FROM consents WHERE user_id = $1
            ORDER BY document, at DESC, id DESC""",  # noqa: S608 - constant column names
        user_id,
    )
    return [_consent(row) for row in rows]


async def insert(connection: Connection, user_id: UUID, consent: Consent) -> None:
    """Stores a decision."""
    await connection.execute(
        "INSERT INTO consents (id, user_id, document, version, granted, app, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        consent.id, user_id, consent.document, consent.version, consent.granted, consent.app, consent.at,
    )  # fmt: skip


async def move(connection: Connection, user_id: UUID, into: UUID) -> None:
    """Makes one person's decisions another's: both accounts were one person's."""
    await connection.execute("UPDATE consents SET user_id = $2 WHERE user_id = $1", user_id, into)


def _consent(row: Any) -> Consent:
    return Consent(row["id"], Document(row["document"]), row["version"], row["granted"], row["app"], row["at"])
