"""Current prices."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from schemas.vocabulary import Fuel
from servicekit.postgres import Connection


async def current_prices(tx: Connection, station_ids: Sequence[UUID], fuel: Fuel | None) -> list[Any]:
    """The current prices of the stations, by station and grade."""
    return await tx.fetch(
        "SELECT * FROM prices WHERE station_id = ANY($1) AND (fuel = $2 OR $2 IS NULL) ORDER BY station_id, fuel",
        station_ids, fuel,
    )  # fmt: skip
