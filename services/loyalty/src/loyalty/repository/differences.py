"""Queries about differences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from servicekit.postgres import Connection


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
