"""Queries about what people say of themselves."""

from uuid import UUID

from identity.domain.people import User
from identity.repository.people import USER_COLUMNS
from servicekit.postgres import Connection


async def hold_user(connection: Connection, user_id: UUID) -> User | None:
    """The active person, who is neither erased nor merged before the transaction ends; others may read meanwhile."""
    row = await connection.fetchrow(
        f"SELECT {USER_COLUMNS} FROM users WHERE id = $1 AND state = 'active' FOR KEY SHARE",  # noqa: S608 - constant names
        user_id,
    )
    return User(*row) if row else None


async def load_profile(connection: Connection, user_id: UUID) -> bytes | None:
    """A person's sealed profile; None where nothing was said yet."""
    return await connection.fetchval("SELECT profile FROM users WHERE id = $1", user_id)


async def save_profile(connection: Connection, user_id: UUID, sealed: bytes) -> None:
    """Replaces it; the caller has locked the person."""
    await connection.execute("UPDATE users SET profile = $2 WHERE id = $1", user_id, sealed)
