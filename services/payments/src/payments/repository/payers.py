"""Who drivers are at payment providers: sealed in each driver's box."""

from datetime import datetime
from typing import Any

from servicekit.postgres import Connection


async def save(tx: Connection, driver_id: str, provider: str, payer_id: bytes, at: datetime) -> None:
    """Binds a payer, in the place of the one before."""
    await tx.execute(
        """INSERT INTO payers (driver_id, provider, payer_id, bound_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (driver_id, provider) DO UPDATE SET (payer_id, bound_at) = ($3, $4)""",
        driver_id, provider, payer_id, at,
    )  # fmt: skip


async def of_driver(tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """The driver's payers: provider, sealed id, and when it was bound."""
    rows = await tx.fetch(
        "SELECT provider, payer_id, bound_at FROM payers WHERE driver_id = $1 ORDER BY provider", driver_id
    )
    return [dict(row) for row in rows]


async def find(tx: Connection, driver_id: str, provider: str) -> bytes | None:
    """The sealed id of a driver at a provider."""
    return await tx.fetchval("SELECT payer_id FROM payers WHERE (driver_id, provider) = ($1, $2)", driver_id, provider)


async def delete(tx: Connection, driver_id: str, provider: str | None = None) -> int:
    """Forgets a payer, or all of a driver's; how many there were."""
    rows = await tx.fetch(
        "DELETE FROM payers WHERE driver_id = $1 AND ($2::text IS NULL OR provider = $2) RETURNING 1",
        driver_id, provider,
    )  # fmt: skip
    return len(rows)
