"""Queries about logins that come, go, or move to another account."""

from uuid import UUID

from identity.repository.people import StoredLogin
from servicekit.postgres import Connection


async def delete_login(connection: Connection, user_id: UUID, login_id: UUID) -> None:
    """Takes a login from a person who is locked."""
    await connection.execute("DELETE FROM logins WHERE user_id = $1 AND id = $2", user_id, login_id)


async def move_login(connection: Connection, login: StoredLogin) -> None:
    """Gives a login to the account that it names, sealed for it; both are locked."""
    await connection.execute(
        "UPDATE logins SET user_id = $2, sealed = $3, verified_at = $4 WHERE id = $1",
        login.id, login.user_id, login.sealed, login.verified_at,
    )  # fmt: skip


async def methods_of_session(connection: Connection, user_id: UUID, session_id: UUID) -> list[str]:
    """How the person signed in; empty where there is no such session any more."""
    found: list[str] | None = await connection.fetchval(
        "SELECT methods FROM sessions WHERE id = $1 AND user_id = $2 AND ended_at IS NULL", session_id, user_id
    )
    return found or []


async def is_staff(connection: Connection, user_id: UUID) -> bool:
    """Whether the person has a role as staff, or could sign in as such."""
    found: bool | None = await connection.fetchval(
        """SELECT EXISTS (SELECT FROM staff_roles WHERE user_id = $1)
               OR EXISTS (SELECT FROM logins WHERE user_id = $1 AND kind = 'email')""",
        user_id,
    )
    return bool(found)


async def merged_into(connection: Connection, user_id: UUID) -> UUID | None:
    """The account that this one became a part of."""
    return await connection.fetchval("SELECT merged_into FROM users WHERE id = $1", user_id)


async def mark_merged(connection: Connection, user_id: UUID, into: UUID) -> None:
    """The person's account is over; what it had is the other's now. Both are locked."""
    await connection.execute(
        "UPDATE users SET state = 'merged', merged_into = $2, ended_at = now(), profile = NULL WHERE id = $1",
        user_id, into,
    )  # fmt: skip
