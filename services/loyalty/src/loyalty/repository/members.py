"""Queries about drivers' rows, the one lock of each driver."""

from servicekit.postgres import Connection


async def lock(tx: Connection, *driver_ids: str) -> None:
    """Locks drivers until the transaction ends, in the one order that all who lock several keep; new ones are added."""
    names = sorted(set(driver_ids))
    await tx.execute("INSERT INTO members (driver_id) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING", names)
    await tx.execute("SELECT FROM members WHERE driver_id = ANY($1) ORDER BY driver_id FOR UPDATE", names)


async def tier_of(tx: Connection, driver_id: str) -> str:
    """A driver's tier; everybody is a member."""
    return await tx.fetchval("SELECT tier FROM members WHERE driver_id = $1", driver_id) or "member"
