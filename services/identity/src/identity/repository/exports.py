"""Queries about exports of people's data; the database's clock is the one of all replicas."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from identity.domain.exports import GIVE_UP_AFTER, KEPT_FOR, LEASE, Export, ExportStatus
from servicekit.postgres import Connection

COLUMNS = "id, user_id, status, waits_for, attempts, requested_at, expires_at"


async def running_of(connection: Connection, user_id: UUID) -> Export | None:
    """A person's export that is being collected."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM exports WHERE user_id = $1 AND status = 'collecting'",  # noqa: S608 - constant names
        user_id,
    )
    return _export(row) if row else None


async def find_export(connection: Connection, user_id: UUID, export_id: UUID) -> Export | None:
    """One of a person's exports, unless its time is over."""
    row = await connection.fetchrow(
        f"""SELECT {COLUMNS} FROM exports
            WHERE id = $2 AND user_id = $1 AND (expires_at IS NULL OR expires_at > now())""",  # noqa: S608 - constant names
        user_id, export_id,
    )  # fmt: skip
    return _export(row) if row else None


async def replace(connection: Connection, user_id: UUID, export_id: UUID) -> Export:
    """A new export in place of those that a person had; the caller has locked the person."""
    await delete_exports(connection, user_id)
    row = await connection.fetchrow(
        f"""INSERT INTO exports (id, user_id, status, requested_at, next_try_at, give_up_at)
            VALUES ($1, $2, 'collecting', now(), now(), now() + $3::interval) RETURNING {COLUMNS}""",  # noqa: S608 - constant names
        export_id, user_id, GIVE_UP_AFTER,
    )  # fmt: skip
    return _export(row)


async def delete_exports(connection: Connection, user_id: UUID) -> None:
    """Deletes all exports of a person with what was collected."""
    await connection.execute("DELETE FROM exports WHERE user_id = $1", user_id)


async def claim_due(connection: Connection) -> Export | None:
    """One export that nobody works on, for LEASE: whoever dies with it leaves it to the next."""
    row = await connection.fetchrow(
        f"""UPDATE exports SET attempts = attempts + 1, next_try_at = now() + $1::interval
            WHERE id = (SELECT id FROM exports WHERE status = 'collecting' AND next_try_at <= now()
                        ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING {COLUMNS}""",  # noqa: S608 - constant column names
        LEASE,
    )
    return _export(row) if row else None


async def parts_of(connection: Connection, export_id: UUID) -> dict[str, bytes]:
    """What was collected so far, sealed, by service."""
    rows = await connection.fetch("SELECT service, sealed FROM export_parts WHERE export_id = $1", export_id)
    return {row["service"]: row["sealed"] for row in rows}


async def add_parts(connection: Connection, export_id: UUID, parts: Mapping[str, bytes]) -> None:
    """Adds what services answered; a part that is there stays."""
    await connection.executemany(
        "INSERT INTO export_parts (export_id, service, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        [(export_id, service, sealed) for service, sealed in parts.items()],
    )


async def lock_running(connection: Connection, export_id: UUID) -> Export | None:
    """The export, locked, while it is still being collected."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM exports WHERE id = $1 AND status = 'collecting' FOR UPDATE",  # noqa: S608 - constant names
        export_id,
    )
    return _export(row) if row else None


async def wait(connection: Connection, export_id: UUID, waits_for: Sequence[str], pause: timedelta) -> None:
    """Some services have not answered: they are asked again after a pause."""
    await connection.execute(
        "UPDATE exports SET waits_for = $2, next_try_at = now() + $3::interval WHERE id = $1",
        export_id, list(waits_for), pause,
    )  # fmt: skip


async def finish(connection: Connection, export_id: UUID, status: ExportStatus) -> None:
    """The export is ready, or will never be; that it failed is remembered as long as an archive is."""
    await connection.execute(
        """UPDATE exports SET status = $2, expires_at = now() + $3::interval,
                              waits_for = CASE WHEN $2 = 'ready' THEN '{}' ELSE waits_for END WHERE id = $1""",
        export_id, status, KEPT_FOR,
    )  # fmt: skip


async def end_overdue(connection: Connection) -> list[UUID]:
    """Fails what could not be collected for GIVE_UP_AFTER, and deletes what was kept for KEPT_FOR; whose failed."""
    await connection.execute("DELETE FROM exports WHERE status <> 'collecting' AND expires_at <= now()")
    rows = await connection.fetch(
        """WITH failed AS (
               UPDATE exports SET status = 'failed', expires_at = now() + $1::interval
               WHERE status = 'collecting' AND give_up_at <= now() RETURNING id
           ), partly AS (DELETE FROM export_parts USING failed WHERE export_id = failed.id)
           SELECT id FROM failed""",
        KEPT_FOR,
    )
    return [row["id"] for row in rows]


async def log_of(connection: Connection, user_id: UUID, limit: int) -> list[dict[str, Any]]:
    """What the audit log has about a person, the newest first."""
    rows = await connection.fetch(
        "SELECT at, action, details FROM audit_log WHERE subject = $1 ORDER BY sequence DESC LIMIT $2",
        str(user_id), limit,
    )  # fmt: skip
    return [{"at": row["at"], "action": row["action"], "details": json.loads(row["details"])} for row in rows]


def _export(row: Any) -> Export:
    return Export(
        row["id"], row["user_id"], ExportStatus(row["status"]), tuple(row["waits_for"]), row["attempts"],
        row["requested_at"], row["expires_at"],
    )  # fmt: skip
