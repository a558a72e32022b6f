"""Queries about everything that names one person: alerts of drivers, and the acts of staff."""

from typing import Any

from pricing.domain.alerts import MAX_ALERTS
from servicekit.postgres import Connection


async def alerts_of(tx: Connection, driver_id: str) -> list[Any]:
    """A driver's alerts as the driver set them, and how often each fired."""
    return await tx.fetch(
        """SELECT alert_id, fuel, lat, lon, radius_m, threshold_mills, currency, created_at, fired, fired_at
           FROM price_alerts WHERE driver_id = $1 ORDER BY alert_id""",
        driver_id,
    )


async def steps_by(tx: Connection, actor: str) -> list[Any]:
    """All that a member of staff did to price changes."""
    return await tx.fetch(
        """SELECT change_id, action, at, from_status, to_status, detail FROM price_change_steps
           WHERE actor = $1 ORDER BY change_id, position""",
        actor,
    )


async def rules_by(tx: Connection, maker: str) -> list[Any]:
    """The versions of price rules that a member of staff made."""
    return await tx.fetch(
        "SELECT region, version, valid_from, made_at FROM price_rules WHERE made_by = $1 ORDER BY position", maker
    )


async def move_alerts(tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's alerts to the driver's other account: those that it has not, and of too many the newest."""
    await tx.execute(
        """UPDATE price_alerts a SET driver_id = $2 WHERE driver_id = $1 AND NOT EXISTS (
               SELECT FROM price_alerts b WHERE b.driver_id = $2
               AND (b.fuel, b.lat, b.lon, b.radius_m, b.threshold_mills, b.currency)
                 = (a.fuel, a.lat, a.lon, a.radius_m, a.threshold_mills, a.currency))""",
        driver_id, into,
    )  # fmt: skip
    await tx.execute(
        """DELETE FROM price_alerts WHERE driver_id = $1 OR alert_id IN (
               SELECT alert_id FROM price_alerts WHERE driver_id = $2
               ORDER BY created_at DESC, alert_id DESC OFFSET $3)""",
        driver_id, into, MAX_ALERTS,
    )  # fmt: skip


async def move_open_changes(tx: Connection, creator: str, into: str) -> None:
    """Price changes that wait for a second person's approval are the other account's own, who so cannot give it."""
    await tx.execute(
        "UPDATE price_changes SET created_by = $2 WHERE created_by = $1 AND status = 'pending_approval'", creator, into
    )


async def delete_replies(tx: Connection, caller: str) -> int:
    """Deletes the replies that are kept for a caller who asks the same again; returns how many there were."""
    rows = await tx.fetch("DELETE FROM idempotency_keys WHERE caller = $1 RETURNING 1", caller)
    return len(rows)
