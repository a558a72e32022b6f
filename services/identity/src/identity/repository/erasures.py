"""Queries that forget people, and that show that nothing is left of them."""

from collections.abc import Sequence
from uuid import UUID

from identity.domain.people import User
from identity.repository.people import USER_COLUMNS
from servicekit.postgres import Connection

ERASED_TABLES = (
    "vehicles", "consents", "exports", "sessions", "authorization_codes", "credentials", "familiar_networks",
    "password_steps", "staff_roles", "logins",
)  # fmt: skip
"""Every table whose rows are somebody's, by `user_id`. A test compares it with the tables that there are."""
KEPT_COLUMNS = {
    "users.id": "the id itself, which means nothing once all that led to it is gone",
    "users.merged_into": "an id too",
    "clients.created_by": "who made a machine client: an id",
    "invitations.invited_by": "who invited a colleague: an id",
}
"""Columns that name a person and stay, with the reason."""


async def accounts_of(connection: Connection, user_id: UUID) -> list[UUID]:
    """The person's account and all that were merged into it, one by way of another too; locked."""
    rows = await connection.fetch(
        """WITH RECURSIVE accounts (id) AS (
               SELECT $1::uuid UNION SELECT u.id FROM users u JOIN accounts a ON u.merged_into = a.id
           ) SELECT id FROM users WHERE id IN (SELECT id FROM accounts) ORDER BY id FOR UPDATE""",
        user_id,
    )
    return [row["id"] for row in rows]


async def delete_rows(connection: Connection, user_ids: Sequence[UUID]) -> dict[str, int]:
    """Deletes all rows that are these people's; how many of which table."""
    counts = {}
    for table in ERASED_TABLES:
        status = await connection.execute(f"DELETE FROM {table} WHERE user_id = ANY($1)", user_ids)  # noqa: S608 - constant names
        counts[table] = _count(status)
    replies = await connection.execute("DELETE FROM idempotency_keys WHERE caller = ANY($1)", list(map(str, user_ids)))
    return counts | {"replies": _count(replies)}


async def close_accounts(connection: Connection, user_ids: Sequence[UUID]) -> int:
    """Takes the profiles, and ends whoever was active; how many profiles there were."""
    profiles = await connection.fetchval(
        "SELECT count(*) FROM users WHERE id = ANY($1) AND profile IS NOT NULL", user_ids
    )
    await connection.execute(
        """UPDATE users SET profile = NULL, ended_at = coalesce(ended_at, now()),
                            state = CASE state WHEN 'merged' THEN 'merged' ELSE 'erased' END
           WHERE id = ANY($1)""",
        user_ids,
    )
    return profiles or 0


async def raise_versions(connection: Connection, user_ids: Sequence[UUID]) -> list[User]:
    """These people with the next version for an event, and for the rights that tokens carry."""
    rows = await connection.fetch(
        f"""UPDATE users SET version = version + 1, access_version = access_version + 1 WHERE id = ANY($1)
            RETURNING {USER_COLUMNS}""",  # noqa: S608 - constant column names
        user_ids,
    )
    return [User(*row) for row in rows]


async def left_of(connection: Connection, user_ids: Sequence[UUID]) -> dict[str, int]:
    """How much is still there of these people, by table; only what there is."""
    counts = {
        table: await connection.fetchval(f"SELECT count(*) FROM {table} WHERE user_id = ANY($1)", user_ids)  # noqa: S608 - constant names
        for table in ERASED_TABLES
    }
    counts["accounts"] = await connection.fetchval(
        "SELECT count(*) FROM users WHERE id = ANY($1) AND (state = 'active' OR profile IS NOT NULL)", user_ids
    )
    counts["data_keys"] = await connection.fetchval(
        "SELECT count(*) FROM personal_keys WHERE subject = ANY($1)", list(map(str, user_ids))
    )
    return {kind: count for kind, count in counts.items() if count}


def _count(status: str) -> int:
    """Of a command's tag, `DELETE 3`."""
    return int(status.rpartition(" ")[2])
