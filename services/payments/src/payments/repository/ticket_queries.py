"""What a station's people see of reconciliation."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from payments.domain.reconciliation import Ticket
from payments.repository.tickets import ticket_of
from servicekit.postgres import Connection


async def of_stations(
    tx: Connection, day: date, window: tuple[datetime, datetime], operators: Sequence[str], stations: Sequence[UUID],
    before: UUID | None, limit: int,
) -> list[Ticket]:  # fmt: skip
    """Tickets of these operators and stations: of the day's bill, or about what happened on that day; newest first."""
    rows = await tx.fetch(
        """SELECT * FROM tickets
           WHERE (day = $1 OR (day IS NULL AND happened_at >= $2 AND happened_at < $3))
                 AND (operator = ANY($4) OR station_id = ANY($5)) AND ($6::uuid IS NULL OR ticket_id < $6)
           ORDER BY ticket_id DESC LIMIT $7""",
        day, *window, list(operators), list(stations), before, limit,
    )  # fmt: skip
    return [ticket_of(row) for row in rows]
