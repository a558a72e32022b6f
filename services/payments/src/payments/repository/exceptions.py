"""Queries about exceptions and who decided what about them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.exceptions import Kind
from servicekit.postgres import Connection


async def insert(
    tx: Connection, exception_id: UUID, kind: Kind, key: str, *, station_id: UUID | None, operator: str | None,
    order_id: UUID | None, details: Mapping[str, Any],
) -> bool:  # fmt: skip
    """Stores an exception; whether it is new: one whose key is known has been raised already."""
    fresh = await tx.fetchval(
        """INSERT INTO exceptions (exception_id, kind, key, station_id, operator, order_id, details)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING RETURNING true""",
        exception_id, kind, key, station_id, operator, order_id, msgspec.json.encode(details).decode(),
    )  # fmt: skip
    return bool(fresh)


async def insert_step(
    tx: Connection, exception_id: UUID, step: str, before: str | None, after: str, actor: str,
    details: Mapping[str, Any],
) -> None:  # fmt: skip
    """Stores who did what about an exception."""
    await tx.execute(
        """INSERT INTO exception_steps (exception_id, step, before, after, actor, details)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        exception_id, step, before, after, actor, msgspec.json.encode(details).decode(),
    )  # fmt: skip
