"""A driver's refuelling records."""

from datetime import datetime
from typing import Any
from uuid import UUID

from payments.domain.records import Fill, Totals, totals_of
from payments.repository import records as repository
from payments.repository.records import RecordFilter
from servicekit.postgres import Connection


async def read_records(
    tx: Connection, chosen: RecordFilter, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Fill], list[Totals], list[dict[str, Any]]]:
    """A page of records with one more, what all of the filter come to, and the refunds of those on the page."""
    fills = await repository.fills(tx, chosen, after, limit + 1)
    totals = totals_of(await repository.grade_sums(tx, chosen))
    return fills, totals, await repository.refunds_of(tx, [fill.order_id for fill in fills if fill.refunded_minor])
