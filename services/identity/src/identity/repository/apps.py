"""Queries about the apps that people sign in with."""

import asyncpg

from identity.domain.apps import APP_ID, App
from servicekit.postgres import Connection


async def find_app(connection: Connection, client_id: str) -> App | None:
    """The app, unless it is revoked."""
    if not APP_ID.fullmatch(client_id):
        return None
    row = await connection.fetchrow(
        """SELECT client_id, name, scopes, redirect_uris, first_party FROM apps
           WHERE client_id = $1 AND revoked_at IS NULL""",
        client_id,
    )
    return app_of(row) if row else None


def app_of(row: asyncpg.Record) -> App:
    """The app whose columns the row has."""
    return App(
        row["client_id"], row["name"], tuple(row["scopes"]), tuple(row["redirect_uris"]), row["first_party"]
    )  # fmt: skip
