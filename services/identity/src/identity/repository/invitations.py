"""Queries about invitations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from identity.domain.invitations import Purpose
from identity.domain.people import StaffRole
from servicekit.access import Role
from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation; `email`, `name` and `totp_secret` sealed in its own box."""

    id: UUID
    purpose: Purpose
    email_hash: bytes
    email: bytes
    role: StaffRole | None
    invited_by: UUID | None
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    name: bytes | None = None
    password_hash: str | None = None
    totp_secret: bytes | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the first step brought; what is not to be set is None."""

    name: bytes | None
    password_hash: str | None
    totp_secret: bytes | None


async def insert_invitation(connection: Connection, invitation: Invitation, token_digest: bytes) -> None:
    """Stores a new invitation."""
    role = invitation.role
    await connection.execute(
        """INSERT INTO invitations (id, token_digest, purpose, email_hash, email, role, operators, stations, invited_by,
                                    created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)""",
        invitation.id, token_digest, invitation.purpose, invitation.email_hash, invitation.email,
        role.role if role else None, list(role.operators) if role else [], list(role.stations) if role else [],
        invitation.invited_by, invitation.created_at, invitation.expires_at,
    )  # fmt: skip


async def lock_invitation(connection: Connection, token_digest: bytes, now: datetime) -> Invitation | None:
    """The open invitation with this token, locked until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM invitations WHERE token_digest = $1 AND expires_at > $2 FOR UPDATE", token_digest, now
    )
    return _invitation(row) if row else None


async def accept_invitation(
    connection: Connection, invitation_id: UUID, acceptance: Acceptance, now: datetime
) -> bool:  # fmt: skip
    """Stores what the first step brought, in place of what it brought before; False where the invitation is gone."""
    accepted = await connection.fetchval(
        """UPDATE invitations SET accepted_at = $2, name = $3, password_hash = $4, totp_secret = $5
           WHERE id = $1 RETURNING true""",
        invitation_id, now, acceptance.name, acceptance.password_hash, acceptance.totp_secret,
    )  # fmt: skip
    return bool(accepted)


async def delete_invitation(connection: Connection, invitation_id: UUID, invited_by: UUID | None = None) -> bool:
    """Deletes an invitation, with `invited_by` only that person's; whether it was there."""
    deleted = await connection.fetchval(
        "DELETE FROM invitations WHERE id = $1 AND ($2::uuid IS NULL OR invited_by = $2) RETURNING true",
        invitation_id, invited_by,
    )  # fmt: skip
    return bool(deleted)


async def delete_same(connection: Connection, invitation: Invitation, hashes: Sequence[bytes]) -> list[UUID]:
    """Deletes what the new invitation replaces: of the same person to the same address for the same."""
    role = invitation.role
    rows = await connection.fetch(
        """DELETE FROM invitations WHERE email_hash = ANY($1) AND purpose = $2 AND role IS NOT DISTINCT FROM $3
             AND operators = $4 AND stations = $5 AND invited_by IS NOT DISTINCT FROM $6 RETURNING id""",
        list(hashes), invitation.purpose, role.role if role else None, list(role.operators) if role else [],
        list(role.stations) if role else [], invitation.invited_by,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def delete_to(connection: Connection, hashes: Sequence[bytes]) -> list[UUID]:
    """Deletes all invitations to an address."""
    rows = await connection.fetch("DELETE FROM invitations WHERE email_hash = ANY($1) RETURNING id", list(hashes))
    return [row["id"] for row in rows]


async def delete_expired(connection: Connection, now: datetime, limit: int) -> list[UUID]:
    """Deletes invitations that have run out; their ids."""
    rows = await connection.fetch(
        """DELETE FROM invitations WHERE id IN (
               SELECT id FROM invitations WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id""",
        now, limit,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def invitations_by(
    connection: Connection, invited_by: UUID, before: UUID | None, limit: int, now: datetime
) -> list[Invitation]:
    """The open invitations that a person made, the newest first."""
    rows = await connection.fetch(
        """SELECT * FROM invitations WHERE invited_by = $1 AND expires_at > $2 AND ($3::uuid IS NULL OR id < $3)
           ORDER BY id DESC LIMIT $4""",
        invited_by, now, before, limit,
    )  # fmt: skip
    return [_invitation(row) for row in rows]


def _invitation(row: asyncpg.Record) -> Invitation:
    role = StaffRole(Role(row["role"]), tuple(row["operators"]), tuple(row["stations"])) if row["role"] else None
    return Invitation(
        row["id"], Purpose(row["purpose"]), row["email_hash"], row["email"], role, row["invited_by"],
        row["created_at"], row["expires_at"], row["accepted_at"], row["name"], row["password_hash"],
        row["totp_secret"],
    )  # fmt: skip
