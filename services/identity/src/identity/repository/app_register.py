"""Queries by which apps are registered, shown and revoked."""

from uuid import UUID

import asyncpg

from identity.domain.app_register import RegisteredApp
from identity.domain.apps import App
from identity.repository.apps import app_of
from servicekit.postgres import Connection

APP_COLUMNS = "client_id, name, scopes, redirect_uris, first_party, created_at, revoked_at"


async def insert_app(connection: Connection, app: App) -> RegisteredApp | None:
    """The app as it is stored; None where the id is taken, by a revoked app too."""
    row = await connection.fetchrow(
        f"""INSERT INTO apps (client_id, name, scopes, redirect_uris, first_party) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (client_id) DO NOTHING RETURNING {APP_COLUMNS}""",  # noqa: S608 - constant column names
        app.client_id, app.name, app.scopes, app.redirect_uris, app.first_party,
    )  # fmt: skip
    return _registered(row) if row else None


async def list_apps(connection: Connection, limit: int) -> list[RegisteredApp]:
    """The newest apps first, revoked ones too."""
    rows = await connection.fetch(
        f"SELECT {APP_COLUMNS} FROM apps ORDER BY created_at DESC, client_id LIMIT $1",  # noqa: S608 - constant names
        limit,
    )
    return [_registered(row) for row in rows]


async def revoke_app(connection: Connection, client_id: str) -> tuple[RegisteredApp, bool] | None:
    """Revokes the app, once; the app and whether it was live until now. None where there is none."""
    before = await connection.fetchrow("SELECT revoked_at FROM apps WHERE client_id = $1 FOR UPDATE", client_id)
    row = await connection.fetchrow(
        f"""UPDATE apps SET revoked_at = coalesce(revoked_at, now())
            WHERE client_id = $1 RETURNING {APP_COLUMNS}""",  # noqa: S608 - constant column names
        client_id,
    )
    return (_registered(row), before["revoked_at"] is None) if row and before else None


async def end_sessions_of(connection: Connection, client_id: str, limit: int) -> list[tuple[UUID, UUID]]:
    """Ends some of an app's sessions: (person, session) of each."""
    rows = await connection.fetch(
        """UPDATE sessions SET ended_at = now() WHERE id IN (
               SELECT id FROM sessions WHERE client_id = $1 AND ended_at IS NULL LIMIT $2 FOR UPDATE SKIP LOCKED)
           RETURNING user_id, id""",
        client_id, limit,
    )  # fmt: skip
    return [(row["user_id"], row["id"]) for row in rows]


def _registered(row: asyncpg.Record) -> RegisteredApp:
    return RegisteredApp(app_of(row), row["created_at"], row["revoked_at"])
