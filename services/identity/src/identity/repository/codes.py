"""Queries about people at the sign-in page, and the codes that their apps exchange for tokens."""

import json
from typing import Any
from uuid import UUID

import asyncpg

from identity.domain.codes import CODE_LIFE, PENDING_LIFE, REMEMBER_CODES, Code, Pending
from identity.domain.people import SignedIn
from identity.repository.apps import app_of
from servicekit.postgres import Connection


async def insert_pending(connection: Connection, id_hash: bytes, pending: Pending) -> None:
    """Stores that a person came to the page."""
    await connection.execute(
        """INSERT INTO authorization_requests (id_hash, client_id, redirect_uri, scopes, state, challenge, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, now())""",
        id_hash, pending.app.client_id, pending.redirect_uri, pending.scopes, pending.state, pending.challenge,
    )  # fmt: skip


async def find_pending(connection: Connection, id_hash: bytes) -> Pending | None:
    """The person at the page; None where they came too long ago, or have left it."""
    row = await connection.fetchrow(
        """SELECT p.redirect_uri, p.scopes AS asked, p.state, p.challenge, p.progress,
                  a.client_id, a.name, a.scopes, a.redirect_uris, a.first_party
           FROM authorization_requests p JOIN apps a USING (client_id)
           WHERE p.id_hash = $1 AND p.created_at > now() - $2::interval AND a.revoked_at IS NULL""",
        id_hash, PENDING_LIFE,
    )  # fmt: skip
    return _pending(row) if row else None


async def save_progress(connection: Connection, id_hash: bytes, progress: dict[str, Any]) -> None:
    """Stores which step the person has taken."""
    await connection.execute(
        "UPDATE authorization_requests SET progress = $2 WHERE id_hash = $1", id_hash, json.dumps(progress)
    )


async def delete_pending(connection: Connection, id_hash: bytes) -> bool:
    """The person leaves the page; False where they had left it already."""
    deleted = await connection.fetchval("DELETE FROM authorization_requests WHERE id_hash = $1 RETURNING true", id_hash)
    return bool(deleted)


async def insert_code(connection: Connection, code_hash: bytes, code: Code) -> None:
    """Stores a code that was just made."""
    await connection.execute(
        """INSERT INTO authorization_codes (code_hash, client_id, redirect_uri, scopes, challenge, user_id, methods,
                                            authenticated_at, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())""",
        code_hash, code.client_id, code.redirect_uri, code.scopes, code.challenge, code.signed_in.user_id,
        code.signed_in.methods, code.signed_in.at,
    )  # fmt: skip


async def lock_code(connection: Connection, code_hash: bytes) -> Code | None:
    """The code, used or too old as it may be, locked until the transaction ends: the second of two exchanges waits."""
    row = await connection.fetchrow(
        """SELECT *, created_at > now() - $2::interval AS is_fresh FROM authorization_codes
           WHERE code_hash = $1 FOR UPDATE""",
        code_hash, CODE_LIFE,
    )  # fmt: skip
    return _code(row) if row else None


async def mark_used(connection: Connection, code_hash: bytes, session_id: UUID) -> None:
    """The code was exchanged for a session; the caller holds its lock."""
    await connection.execute(
        "UPDATE authorization_codes SET session_id = $2 WHERE code_hash = $1", code_hash, session_id
    )


async def delete_old(connection: Connection) -> None:
    """Forgets those who left the page without a word, and codes that nobody can use any more."""
    await connection.execute("DELETE FROM authorization_requests WHERE created_at < now() - $1::interval", PENDING_LIFE)
    await connection.execute("DELETE FROM authorization_codes WHERE created_at < now() - $1::interval", REMEMBER_CODES)


def _pending(row: asyncpg.Record) -> Pending:
    return Pending(
        app_of(row), row["redirect_uri"], tuple(row["asked"]), row["state"], row["challenge"],
        json.loads(row["progress"]),
    )  # fmt: skip


def _code(row: asyncpg.Record) -> Code:
    signed_in = SignedIn(row["user_id"], tuple(row["methods"]), row["authenticated_at"])
    return Code(
        row["client_id"], row["redirect_uri"], tuple(row["scopes"]), row["challenge"], signed_in, row["is_fresh"],
        row["session_id"],
    )  # fmt: skip
