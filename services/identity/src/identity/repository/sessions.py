"""Queries about sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from identity.domain.apps import App
from identity.domain.people import Rights
from identity.domain.sessions import Session, StoredSession
from identity.repository.people import rights_from
from servicekit.postgres import Connection

Open = Callable[[UUID, bytes], str]
"""Opens what is sealed of the session with this id."""


async def insert_session(connection: Connection, session: Session, sealed_device: bytes, token_hash: bytes) -> None:
    """Stores a new session."""
    await connection.execute(
        """INSERT INTO sessions (id, user_id, client_id, scopes, methods, authenticated_at, device, generation,
                                 token_hash, rotated_at, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)""",
        session.id, session.user_id, session.client_id, session.scopes, session.methods, session.authenticated_at,
        sealed_device, session.generation, token_hash, session.last_used_at, session.created_at, session.expires_at,
    )  # fmt: skip


async def live_sessions(connection: Connection, user_id: UUID, idle: timedelta, opened: Open) -> list[Session]:
    """A person's sessions that can still be refreshed, the last used first."""
    rows = await connection.fetch(
        """SELECT s.*, a.name AS app_name FROM sessions s JOIN apps a USING (client_id)
           WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > now() AND s.rotated_at > now() - $2::interval
             AND a.revoked_at IS NULL
           ORDER BY s.rotated_at DESC, s.id""",
        user_id, idle,
    )  # fmt: skip
    return [_session(row, opened(row["id"], row["device"])) for row in rows]


async def end_sessions(
    connection: Connection, user_id: UUID, *, only: UUID | None = None, but: UUID | None = None
) -> list[UUID]:
    """Ends a person's sessions: all, one, or all but one. The ids of those that had not ended yet."""
    rows = await connection.fetch(
        """UPDATE sessions SET ended_at = now(), expires_at = least(expires_at, now())
           WHERE user_id = $1 AND ended_at IS NULL
             AND ($2::uuid IS NULL OR id = $2) AND ($3::uuid IS NULL OR id <> $3) RETURNING id""",
        user_id, only, but,
    )  # fmt: skip
    return [row["id"] for row in rows]


COLUMNS = """s.id, s.user_id, s.client_id, s.scopes, s.methods, s.authenticated_at, s.generation, s.token_hash,
             s.rotated_at, s.expires_at, s.ended_at, clock_timestamp() AS now"""


async def find_session(connection: Connection, session_id: UUID) -> StoredSession | None:
    """The session, ended or not."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM sessions s WHERE s.id = $1",  # noqa: S608 - constant column names
        session_id,
    )
    return _stored(row) if row else None


@dataclass(frozen=True, slots=True)
class Refreshable:
    """A session, ended or not, with its app and what its person may do; None for one who is not active any more."""

    session: StoredSession
    app: App
    rights: Rights | None


async def find_refreshable(connection: Connection, session_id: UUID) -> Refreshable | None:
    """All that a refresh has to know, in one statement; None where the app is revoked, too."""
    rows = await connection.fetch(
        f"""SELECT {COLUMNS}, a.name, a.scopes AS app_scopes, a.redirect_uris, a.first_party,
                   u.access_version, u.is_driver, r.role, r.operators, r.stations
            FROM sessions s JOIN apps a ON a.client_id = s.client_id AND a.revoked_at IS NULL
            LEFT JOIN users u ON u.id = s.user_id AND u.state = 'active' LEFT JOIN staff_roles r ON r.user_id = u.id
            WHERE s.id = $1 ORDER BY r.role""",  # noqa: S608 - constant column names
        session_id,
    )
    if not rows:
        return None
    row = rows[0]
    app = App(
        row["client_id"], row["name"], tuple(row["app_scopes"]), tuple(row["redirect_uris"]), row["first_party"]
    )  # fmt: skip
    return Refreshable(_stored(row), app, rights_from(row["user_id"], rows))


async def rotate_token(connection: Connection, session: StoredSession, token_hash: bytes) -> bool:
    """Makes the token with this digest the good one; False where another request did so first, or the session ended."""
    rotated = await connection.fetchval(
        """UPDATE sessions SET generation = generation + 1, token_hash = $3, rotated_at = clock_timestamp()
           WHERE id = $1 AND generation = $2 AND ended_at IS NULL RETURNING true""",
        session.id, session.generation, token_hash,
    )  # fmt: skip
    return bool(rotated)


async def delete_old_sessions(connection: Connection, keep: timedelta) -> None:
    """Forgets sessions that ended longer ago than `keep`."""
    await connection.execute("DELETE FROM sessions WHERE expires_at < now() - $1::interval", keep)


def _stored(row: asyncpg.Record) -> StoredSession:
    id, user_id, client_id, scopes, methods, *rest = tuple(row)[:12]
    return StoredSession(id, user_id, client_id, tuple(scopes), tuple(methods), *rest)


def _session(row: asyncpg.Record, device: str) -> Session:
    return Session(
        row["id"], row["user_id"], row["client_id"], row["app_name"], tuple(row["scopes"]), tuple(row["methods"]),
        row["authenticated_at"], row["created_at"], row["rotated_at"], row["expires_at"], row["generation"], device,
    )  # fmt: skip
