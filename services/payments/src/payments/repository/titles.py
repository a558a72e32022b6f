"""Queries about the titles of invoices, each sealed in its driver's box."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class StoredTitle:
    """A title as it is stored."""

    title_id: UUID
    sealed: bytes
    made_at: datetime


async def of_driver(tx: Connection, driver_id: str) -> list[StoredTitle]:
    """A driver's titles, the oldest first."""
    rows = await tx.fetch(
        "SELECT title_id, sealed, made_at FROM invoice_titles WHERE driver_id = $1 ORDER BY title_id", driver_id
    )
    return [StoredTitle(*row) for row in rows]


async def find(tx: Connection, driver_id: str, title_id: UUID) -> StoredTitle | None:
    """One of a driver's titles."""
    row = await tx.fetchrow(
        "SELECT title_id, sealed, made_at FROM invoice_titles WHERE (driver_id, title_id) = ($1, $2)",
        driver_id, title_id,
    )  # fmt: skip
    return StoredTitle(*row) if row else None


async def save(tx: Connection, driver_id: str, title: StoredTitle) -> None:
    """Stores a title of the driver's, new or in the place of what it said before."""
    await tx.execute(
        """INSERT INTO invoice_titles (title_id, driver_id, sealed, made_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (title_id) DO UPDATE SET (driver_id, sealed) = (excluded.driver_id, excluded.sealed)""",
        title.title_id, driver_id, title.sealed, title.made_at,
    )  # fmt: skip


async def delete(tx: Connection, driver_id: str, title_id: UUID) -> bool:
    """Deletes a title; whether there was one."""
    deleted = await tx.execute(
        "DELETE FROM invoice_titles WHERE (driver_id, title_id) = ($1, $2)", driver_id, title_id
    )  # fmt: skip
    return deleted != "DELETE 0"


async def delete_all(tx: Connection, driver_id: str) -> int:
    """Deletes all of a driver's titles; how many there were."""
    rows = await tx.fetch("DELETE FROM invoice_titles WHERE driver_id = $1 RETURNING 1", driver_id)
    return len(rows)
