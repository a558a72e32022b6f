"""Queries about what drivers say is wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.postgres import Connection
from servicekit.vault import Box


def context_of(dispute_id: UUID) -> str:
    """Where a dispute's text is stored, as its seal names it."""
    return f"disputes.text|{dispute_id}"


async def insert(
    tx: Connection, dispute_id: UUID, order_id: UUID, driver_id: str, reason: str, text: bytes | None, at: datetime
) -> None:
    """Stores a dispute; its text is sealed."""
    await tx.execute(
        "INSERT INTO disputes (dispute_id, order_id, driver_id, reason, text, made_at) VALUES ($1, $2, $3, $4, $5, $6)",
        dispute_id, order_id, driver_id, reason, text, at,
    )  # fmt: skip


async def collect(payments: Any, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """A driver's disputes, readable."""
    rows = await _of_driver(tx, driver_id)
    boxes = await payments.vault.boxes(tx, [driver_id])
    return [dict(row) | {"text": _opened(boxes, driver_id, row)} for row in rows]


async def erase(_: Any, tx: Connection, driver_id: str) -> int:
    """Deletes what the driver wrote; that there was a dispute, and how it ended, stays in the books."""
    rows = await tx.fetch(
        "UPDATE disputes SET text = NULL WHERE driver_id = $1 AND text IS NOT NULL RETURNING 1", driver_id
    )
    return len(rows)


async def move(payments: Any, tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's disputes to the driver's other account, whose key seals them from now on."""
    boxes = await payments.vault.boxes(tx, [driver_id])
    for row in await _of_driver(tx, driver_id):
        text = _opened(boxes, driver_id, row)
        sealed = (await payments.vault.box(tx, into)).seal(text, context_of(row["dispute_id"])) if text else None
        await tx.execute(
            "UPDATE disputes SET (driver_id, text) = ($2, $3) WHERE dispute_id = $1", row["dispute_id"], into, sealed
        )


async def _of_driver(tx: Connection, driver_id: str) -> list[Any]:
    return await tx.fetch("SELECT * FROM disputes WHERE driver_id = $1 ORDER BY dispute_id", driver_id)


def _opened(boxes: Mapping[str, Box], driver_id: str, row: Any) -> str | None:
    if row["text"] is None or driver_id not in boxes:
        return None
    return boxes[driver_id].open(row["text"], context_of(row["dispute_id"]))
