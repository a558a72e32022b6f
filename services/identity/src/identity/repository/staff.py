"""Queries about who is staff where."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from identity.domain.people import StaffRole, User
from identity.domain.staff import Bindings
from identity.repository.people import USER_COLUMNS
from servicekit.access import STATION_ROLES, Role
from servicekit.postgres import Connection


async def lock_users(connection: Connection, user_ids: Iterable[UUID]) -> dict[UUID, User]:
    """The active people among these, locked until the transaction ends; always in one order, so that none waits for
    another that waits for it."""
    rows = await connection.fetch(
        f"""SELECT {USER_COLUMNS} FROM users WHERE id = ANY($1) AND state = 'active'
            ORDER BY id FOR UPDATE""",  # noqa: S608 - constant names
        list(user_ids),
    )
    return {row["id"]: User(*row) for row in rows}


async def replace_roles(connection: Connection, user_id: UUID, roles: Sequence[StaffRole], now: datetime) -> None:
    """Makes the person hold just these roles; whoever calls holds the person's lock."""
    await connection.execute("DELETE FROM staff_roles WHERE user_id = $1", user_id)
    await connection.executemany(
        "INSERT INTO staff_roles (user_id, role, operators, stations, changed_at) VALUES ($1, $2, $3, $4, $5)",
        [(user_id, one.role, list(one.operators), list(one.stations), now) for one in roles],
    )


async def roles_of(connection: Connection, user_ids: Sequence[UUID]) -> dict[UUID, list[StaffRole]]:
    """The staff roles of each; those who have none are left out."""
    rows = await connection.fetch(
        "SELECT user_id, role, operators, stations FROM staff_roles WHERE user_id = ANY($1) ORDER BY role",
        list(user_ids),
    )
    roles: dict[UUID, list[StaffRole]] = {}
    for row in rows:
        roles.setdefault(row["user_id"], []).append(_role(row))
    return roles


async def staff_at(connection: Connection, reach: Bindings, before: UUID | None, limit: int) -> list[UUID]:
    """Active people with a role at one of the stations or operators, the newest first; `before` excludes what came."""
    rows = await connection.fetch(
        """SELECT u.id FROM users u WHERE u.state = 'active' AND ($3::uuid IS NULL OR u.id < $3) AND EXISTS (
               SELECT FROM staff_roles r WHERE r.user_id = u.id AND r.role = ANY($5) AND (
                   r.operators && $1 OR r.stations && $2
                   OR EXISTS (
                       SELECT FROM known_stations k WHERE k.station_id = ANY(r.stations) AND k.operator = ANY($1))
               ))
           ORDER BY u.id DESC LIMIT $4""",
        list(reach.operators), list(reach.stations), before, limit, list(STATION_ROLES),
    )  # fmt: skip
    return [row["id"] for row in rows]


async def all_staff(connection: Connection, limit: int) -> list[UUID]:
    """Active people with any staff role, the newest first."""
    rows = await connection.fetch(
        """SELECT id FROM users u WHERE state = 'active' AND EXISTS (
               SELECT FROM staff_roles WHERE user_id = u.id) ORDER BY id DESC LIMIT $1""",
        limit,
    )
    return [row["id"] for row in rows]


def _role(row: asyncpg.Record) -> StaffRole:
    return StaffRole(Role(row["role"]), tuple(row["operators"]), tuple(row["stations"]))
