"""Queries about what pumps reported."""

from dataclasses import astuple, fields
from typing import Any
from uuid import UUID

from payments.domain.dispenses import Dispense, DispenseOutcome
from servicekit.postgres import Connection

_COLUMNS = tuple(one.name for one in fields(Dispense))
_VALUES = ", ".join(f"${number}" for number in range(1, len(_COLUMNS) + 1))
_INSERT = f"INSERT INTO dispenses ({', '.join(_COLUMNS)}) VALUES ({_VALUES})"  # noqa: S608 -- names of our own fields


async def find(tx: Connection, station_id: UUID, dispense_id: str) -> Dispense | None:
    """A report that came before."""
    row = await tx.fetchrow(
        "SELECT * FROM dispenses WHERE (station_id, dispense_id) = ($1, $2)", station_id, dispense_id
    )
    return _dispense_of(row) if row else None


async def has_accepted(tx: Connection, order_id: UUID) -> bool:
    """Whether a report was accepted for the order."""
    query = "SELECT EXISTS (SELECT FROM dispenses WHERE order_id = $1 AND outcome IN ('taken', 'agreed'))"
    return bool(await tx.fetchval(query, order_id))


async def insert(tx: Connection, dispense: Dispense) -> None:
    """Stores a report, whatever became of it."""
    await tx.execute(_INSERT, *astuple(dispense))


def _dispense_of(row: Any) -> Dispense:
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    values["outcome"] = DispenseOutcome(row["outcome"])
    return Dispense(**values)
