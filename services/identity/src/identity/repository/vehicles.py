"""Queries about people's vehicles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class StoredVehicle:
    """A vehicle as it is stored: what the person says of it sealed in its box."""

    id: UUID
    sealed: bytes
    is_default: bool
    created_at: datetime


async def vehicles_of(connection: Connection, user_id: UUID) -> list[StoredVehicle]:
    """A person's vehicles, the oldest first."""
    rows = await connection.fetch(
        "SELECT id, sealed, is_default, created_at FROM vehicles WHERE user_id = $1 ORDER BY created_at, id", user_id
    )
    return [StoredVehicle(*row) for row in rows]


async def save_vehicles(connection: Connection, user_id: UUID, vehicles: Sequence[StoredVehicle]) -> None:
    """Makes these the person's vehicles, all of them; the caller has locked the person."""
    kept = [one.id for one in vehicles]
    await connection.execute("DELETE FROM vehicles WHERE user_id = $1 AND NOT id = ANY($2)", user_id, kept)
    # The index allows one default at each moment, so the old one steps back first.
    await connection.execute("UPDATE vehicles SET is_default = false WHERE user_id = $1 AND is_default", user_id)
    await connection.executemany(
        """INSERT INTO vehicles (id, user_id, sealed, is_default, created_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (id) DO UPDATE SET user_id = EXCLUDED.user_id, sealed = EXCLUDED.sealed,
                                          is_default = EXCLUDED.is_default""",
        [(one.id, user_id, one.sealed, one.is_default, one.created_at) for one in vehicles],
    )
