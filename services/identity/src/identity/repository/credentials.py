"""Queries about what staff sign in with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Credentials:
    """A staff member's; `name` and `totp_secret` sealed in the person's box."""

    user_id: UUID
    name: bytes
    password_hash: str
    totp_secret: bytes
    totp_last_step: int


@dataclass(frozen=True, slots=True)
class Step:
    """A password was given, the code is awaited; `user_id` is None where the password was wrong."""

    id: UUID
    account: bytes
    user_id: UUID | None
    wrong_codes: int
    expires_at: datetime


async def insert_credentials(connection: Connection, credentials: Credentials, now: datetime) -> None:
    """Stores a new staff member's."""
    await connection.execute(
        """INSERT INTO credentials (user_id, name, password_hash, totp_secret, totp_last_step, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        credentials.user_id, credentials.name, credentials.password_hash, credentials.totp_secret,
        credentials.totp_last_step, now,
    )  # fmt: skip


async def find_credentials(connection: Connection, user_id: UUID, *, lock: bool = False) -> Credentials | None:
    """A staff member's; with `lock` until the transaction ends."""
    row = await connection.fetchrow(
        f"""SELECT user_id, name, password_hash, totp_secret, totp_last_step FROM credentials
            WHERE user_id = $1 {"FOR UPDATE" if lock else ""}""",  # noqa: S608 - constant words
        user_id,
    )
    return Credentials(*row) if row else None


async def names_of(connection: Connection, user_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """The sealed names of staff."""
    rows = await connection.fetch("SELECT user_id, name FROM credentials WHERE user_id = ANY($1)", list(user_ids))
    return {row["user_id"]: row["name"] for row in rows}


async def set_password(connection: Connection, user_id: UUID, before: str, after: str, now: datetime) -> bool:
    """Changes the hash, unless it is another than `before` by now; whether it did."""
    return bool(
        await connection.fetchval(
            """UPDATE credentials SET password_hash = $3, changed_at = $4 WHERE user_id = $1 AND password_hash = $2
               RETURNING true""",
            user_id, before, after, now,
        )
    )  # fmt: skip


async def set_totp(connection: Connection, user_id: UUID, sealed: bytes, last_step: int, now: datetime) -> None:
    """Replaces the secret of the authenticator app."""
    await connection.execute(
        "UPDATE credentials SET totp_secret = $2, totp_last_step = $3, changed_at = $4 WHERE user_id = $1",
        user_id, sealed, last_step, now,
    )  # fmt: skip


async def use_totp_step(connection: Connection, user_id: UUID, step: int) -> bool:
    """Marks a time step as used; False where it, or a later one, was used before."""
    return bool(
        await connection.fetchval(
            """UPDATE credentials SET totp_last_step = $2 WHERE user_id = $1 AND totp_last_step < $2 RETURNING true""",
            user_id, step,
        )
    )  # fmt: skip


async def replace_recovery_codes(connection: Connection, user_id: UUID, digests: Sequence[bytes]) -> None:
    """Sets the codes; the old ones end."""
    await connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)
    await connection.execute(
        "INSERT INTO recovery_codes (user_id, digest) SELECT $1, * FROM unnest($2::bytea[])", user_id, list(digests)
    )


async def use_recovery_code(connection: Connection, user_id: UUID, digest: bytes) -> int | None:
    """Takes the code away; how many are left, None where it is none of the person's."""
    used = await connection.fetchval(
        "DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2 RETURNING true", user_id, digest
    )
    if not used:
        return None
    return await connection.fetchval("SELECT count(*) FROM recovery_codes WHERE user_id = $1", user_id)


async def delete_credentials(connection: Connection, user_id: UUID) -> None:
    """Forgets all that a person signed in with as staff."""
    for table in ("password_steps", "familiar_networks", "credentials"):
        await connection.execute(f"DELETE FROM {table} WHERE user_id = $1", user_id)  # noqa: S608 - constant names


async def insert_step(connection: Connection, step: Step) -> None:
    """Stores that a password was given."""
    await connection.execute(
        "INSERT INTO password_steps (id, account, user_id, expires_at) VALUES ($1, $2, $3, $4)",
        step.id, step.account, step.user_id, step.expires_at,
    )  # fmt: skip


async def lock_step(connection: Connection, step_id: UUID, now: datetime) -> Step | None:
    """The step, while it lives; locked until the transaction ends."""
    row = await connection.fetchrow(
        """SELECT id, account, user_id, wrong_codes, expires_at FROM password_steps
           WHERE id = $1 AND expires_at > $2 FOR UPDATE""",
        step_id, now,
    )  # fmt: skip
    return Step(*row) if row else None


async def note_wrong_code(connection: Connection, step_id: UUID, limit: int) -> None:
    """Counts a wrong code; a step with too many of them ends."""
    await connection.execute("UPDATE password_steps SET wrong_codes = wrong_codes + 1 WHERE id = $1", step_id)
    await connection.execute("DELETE FROM password_steps WHERE id = $1 AND wrong_codes >= $2", step_id, limit)


async def end_step(connection: Connection, step_id: UUID) -> None:
    """The step is done."""
    await connection.execute("DELETE FROM password_steps WHERE id = $1", step_id)


async def end_steps(connection: Connection, user_id: UUID) -> None:
    """Whoever gave the person's old password has to give the new one."""
    await connection.execute("DELETE FROM password_steps WHERE user_id = $1", user_id)
