"""Current prices and their history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.vocabulary import Fuel
from servicekit.postgres import Connection

HISTORY_COLUMNS = """report_id, price_mills, currency, effective_at, submitted_at, received_at, version,
                     verdict = 'superseded' AS superseded"""


async def current_prices(tx: Connection, station_ids: Sequence[UUID], fuel: Fuel | None) -> list[Any]:
    """The current prices of the stations, by station and grade."""
    return await tx.fetch(
        "SELECT * FROM prices WHERE station_id = ANY($1) AND (fuel = $2 OR $2 IS NULL) ORDER BY station_id, fuel",
        station_ids, fuel,
    )  # fmt: skip


async def price_history(
    tx: Connection, station_id: UUID, fuel: Fuel, since: datetime, until: datetime,
    before: tuple[datetime, str] | None, limit: int,
) -> list[Any]:  # fmt: skip
    """Reports that told of a change, the latest first, in [since, until); `before` continues a page."""
    return await tx.fetch(
        f"""SELECT {HISTORY_COLUMNS} FROM price_reports
            WHERE station_id = $1 AND fuel = $2 AND verdict IN ('accepted', 'superseded')
              AND effective_at >= $3 AND effective_at < $4
              AND ($5::timestamptz IS NULL OR (effective_at, report_id) < ($5, $6))
            ORDER BY effective_at DESC, report_id DESC LIMIT $7""",  # noqa: S608 - the columns are a constant
        station_id, fuel, since, until, *(before or (None, "")), limit,
    )  # fmt: skip
