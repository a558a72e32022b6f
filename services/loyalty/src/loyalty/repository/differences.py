"""Queries about differences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from servicekit.postgres import Connection


class Difference(NamedTuple):
    """One that nobody has settled."""

    difference_id: UUID
    kind: str
    order_id: UUID
    details: Mapping[str, Any]
    noted_at: datetime


async def insert(
    tx: Connection, difference_id: UUID, kind: str, order_id: UUID, key: str, details: Mapping[str, Any], at: datetime
) -> None:  # fmt: skip
    """Stores one, unless the key is known."""
    await tx.execute(
        """INSERT INTO differences (difference_id, kind, order_id, key, details, noted_at)
           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO NOTHING""",
        difference_id, kind, order_id, key, msgspec.json.encode(details).decode(), at,
    )  # fmt: skip


async def count_open(tx: Connection) -> dict[str, int]:
    """How many of each kind nobody has settled."""
    return dict(await tx.fetch("SELECT kind, count(*) FROM differences WHERE settled_at IS NULL GROUP BY kind"))


async def to_settle(tx: Connection, limit: int) -> list[Difference]:
    """Those that nobody has settled, the oldest first."""
    rows = await tx.fetch(
        """SELECT difference_id, kind, order_id, details, noted_at FROM differences WHERE settled_at IS NULL
           ORDER BY difference_id LIMIT $1""",
        limit,
    )
    return [
        Difference(row["difference_id"], row["kind"], row["order_id"], msgspec.json.decode(row["details"]),
                   row["noted_at"])
        for row in rows
    ]  # fmt: skip


async def settle(tx: Connection, difference_id: UUID, by: str, note: str, at: datetime) -> bool:
    """Whether it was open; then it is settled."""
    done = await tx.execute(
        """UPDATE differences SET (settled_at, settled_by, note) = ($4, $2, $3)
           WHERE difference_id = $1 AND settled_at IS NULL""",
        difference_id, by, note, at,
    )  # fmt: skip
    return done == "UPDATE 1"
