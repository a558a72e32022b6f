"""Queries about people that are of no one area: what staff did, and what was answered to somebody's requests."""

from typing import Any

from servicekit.postgres import Connection


async def changes_by(tx: Connection, actor: str) -> list[dict[str, Any]]:
    """What a member of staff did to campaigns, in order."""
    rows = await tx.fetch(
        """SELECT campaign_id, version, command, at, from_status, to_status, reason FROM campaign_changes
           WHERE actor = $1 ORDER BY position""",
        actor,
    )
    return [dict(row) for row in rows]


async def delete_replies(tx: Connection, caller: str) -> int:
    """Forgets what was answered to requests under idempotency keys; how many answers that were."""
    rows = await tx.fetch("DELETE FROM idempotency_keys WHERE caller = $1 RETURNING 1", caller)
    return len(rows)
