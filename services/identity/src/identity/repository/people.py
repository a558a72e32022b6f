"""Queries about people, their logins and their rights."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from identity.domain.people import LoginKind, Rights, StaffRole, User
from servicekit.access import Role
from servicekit.postgres import Connection

USER_COLUMNS = "id, is_driver, version, access_version, created_at"


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """A login as it is stored: its value sealed in its owner's box."""

    id: UUID
    user_id: UUID
    kind: LoginKind
    hash: bytes
    sealed: bytes
    verified_at: datetime


async def lock_login_value(connection: Connection, hashes: Sequence[bytes]) -> None:
    """Waits until no other transaction registers this value; the unique index knows only equal hashes, and a value has
    another hash under each key. All are locked: while a key comes or goes, two processes share one of them only."""
    await connection.execute(
        """SELECT pg_advisory_xact_lock(name) FROM (
               SELECT hashtextextended(hash, 2) AS name FROM unnest($1::text[]) AS hash ORDER BY name) AS ordered""",
        [one.hex() for one in hashes],
    )  # fmt: skip


async def find_login_owner(connection: Connection, kind: LoginKind, hashes: Sequence[bytes]) -> User | None:
    """Whose login it is; None where it is nobody's."""
    row = await connection.fetchrow(
        """SELECT u.id, u.is_driver, u.version, u.access_version, u.created_at FROM logins l
           JOIN users u ON u.id = l.user_id WHERE l.kind = $1 AND l.hash = ANY($2) AND u.state = 'active'""",
        kind, list(hashes),
    )  # fmt: skip
    return _user(row) if row else None


async def insert_user(connection: Connection, user: User) -> None:
    """Stores a new person."""
    await connection.execute(
        "INSERT INTO users (id, is_driver, version, access_version, created_at) VALUES ($1, $2, $3, $4, $5)",
        user.id, user.is_driver, user.version, user.access_version, user.created_at,
    )  # fmt: skip


async def lock_user(connection: Connection, user_id: UUID) -> User | None:
    """The active person, locked until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {USER_COLUMNS} FROM users WHERE id = $1 AND state = 'active' FOR UPDATE",  # noqa: S608 - constant names
        user_id,
    )
    return _user(row) if row else None


async def raise_version(connection: Connection, user_id: UUID, *, rights: bool) -> User:
    """The person with the next version for an event; with `rights` tokens made until now carry an older one."""
    row = await connection.fetchrow(
        f"""UPDATE users SET version = version + 1, access_version = access_version + $2
            WHERE id = $1 RETURNING {USER_COLUMNS}""",  # noqa: S608 - constant column names
        user_id, int(rights),
    )  # fmt: skip
    assert row is not None  # noqa: S101 - whoever asks has locked the row
    return _user(row)


async def insert_login(connection: Connection, login: StoredLogin) -> None:
    """Stores a login; the caller holds `lock_login_value` and found that it is nobody's."""
    await connection.execute(
        "INSERT INTO logins (id, user_id, kind, hash, sealed, verified_at) VALUES ($1, $2, $3, $4, $5, $6)",
        login.id, login.user_id, login.kind, login.hash, login.sealed, login.verified_at,
    )  # fmt: skip


async def logins_of(connection: Connection, user_id: UUID) -> list[StoredLogin]:
    """A person's logins, the oldest first."""
    rows = await connection.fetch("SELECT * FROM logins WHERE user_id = $1 ORDER BY id", user_id)
    return [
        StoredLogin(row["id"], row["user_id"], LoginKind(row["kind"]), row["hash"], row["sealed"], row["verified_at"])
        for row in rows
    ]


async def emails_of(connection: Connection, user_ids: Sequence[UUID]) -> list[StoredLogin]:
    """The e-mail logins of these people."""
    rows = await connection.fetch(
        "SELECT id, user_id, kind, hash, sealed, verified_at FROM logins WHERE kind = 'email' AND user_id = ANY($1)",
        list(user_ids),
    )
    return [StoredLogin(*row) for row in rows]


async def rights_of(connection: Connection, user_id: UUID) -> Rights | None:
    """What an active person may do; None for anyone else."""
    rows = await connection.fetch(
        """SELECT u.access_version, u.is_driver, r.role, r.operators, r.stations FROM users u
           LEFT JOIN staff_roles r ON r.user_id = u.id WHERE u.id = $1 AND u.state = 'active' ORDER BY r.role""",
        user_id,
    )
    return rights_from(user_id, rows)


def rights_from(user_id: UUID, rows: Sequence[asyncpg.Record]) -> Rights | None:
    """The rights in rows of a person beside each of their staff roles; None where there is no active person."""
    if not rows or rows[0]["access_version"] is None:
        return None
    staff = tuple(
        StaffRole(Role(row["role"]), tuple(row["operators"]), tuple(row["stations"])) for row in rows if row["role"]
    )
    return Rights(user_id, rows[0]["access_version"], rows[0]["is_driver"], staff)


def _user(row: asyncpg.Record) -> User:
    return User(row["id"], row["is_driver"], row["version"], row["access_version"], row["created_at"])
