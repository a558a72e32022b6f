"""Queries about what drivers fuelled and paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from payments.domain.records import Fill, GradeSum
from schemas.vocabulary import Fuel
from servicekit.postgres import Connection

FILL_COLUMNS = """order_id, paid_at, station_id, s.name AS station, pump_id, fuel, volume_ml, price_mills, o.currency,
    discount_minor, paid_minor, refunded_minor, coalesce(method, 'none') AS method, status, card_id, vehicle_id,
    odometer_km"""
"""Of `orders o LEFT JOIN stations s USING (station_id)`: what a Fill has."""

_FILTER = """driver_id = $1 AND paid_at IS NOT NULL
    AND ($2::timestamptz IS NULL OR paid_at >= $2) AND ($3::timestamptz IS NULL OR paid_at < $3)
    AND ($4::uuid IS NULL OR station_id = $4) AND ($5::text IS NULL OR fuel = $5)
    AND ($6::uuid IS NULL OR vehicle_id = $6) AND ($7::text IS NULL OR coalesce(method, 'none') = $7)"""


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Whose records, and which of them; None: all."""

    driver_id: str
    since: datetime | None = None
    until: datetime | None = None
    station_id: UUID | None = None
    fuel: Fuel | None = None
    vehicle_id: UUID | None = None
    method: str | None = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """$1 to $7 of the queries."""
        return (
            self.driver_id, self.since, self.until, self.station_id, self.fuel, self.vehicle_id, self.method
        )  # fmt: skip


async def fills(
    tx: Connection, chosen: RecordFilter, after: tuple[datetime, UUID] | None, limit: int
) -> list[Fill]:  # fmt: skip
    """The paid orders before the position (paid_at, order_id), the latest first."""
    rows = await tx.fetch(
        f"""SELECT {FILL_COLUMNS} FROM orders o LEFT JOIN stations s USING (station_id)
            WHERE {_FILTER} AND ($8::timestamptz IS NULL OR (paid_at, order_id) < ($8, $9))
            ORDER BY paid_at DESC, order_id DESC LIMIT $10""",  # noqa: S608 - constants of this file
        *chosen.arguments, *(after or (None, None)), limit,
    )  # fmt: skip
    return [fill_of(row) for row in rows]


async def grade_sums(tx: Connection, chosen: RecordFilter) -> list[GradeSum]:
    """What all paid orders of the filter come to."""
    rows = await tx.fetch(
        f"""SELECT currency, fuel, count(*), coalesce(sum(volume_ml), 0)::bigint, sum(discount_minor)::bigint,
                   sum(paid_minor)::bigint, sum(refunded_minor)::bigint
            FROM orders WHERE {_FILTER} GROUP BY currency, fuel""",  # noqa: S608 - constants of this file
        *chosen.arguments,
    )
    return [GradeSum(currency, Fuel(fuel), *sums) for currency, fuel, *sums in rows]


async def refunds_of(tx: Connection, order_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The refunds of these orders, the earliest first, whatever became of them."""
    rows = await tx.fetch(
        """SELECT purpose_id AS order_id, refund_id, amount_minor, volume_ml, reason, status, requested_at, settled_at
           FROM refunds WHERE purpose = 'order' AND purpose_id = ANY($1) ORDER BY requested_at, refund_id""",
        list(order_ids),
    )
    return [dict(row) for row in rows]


def fill_of(row: Any) -> Fill:
    """The fill of a row with FILL_COLUMNS."""
    return Fill(**{**row, "fuel": Fuel(row["fuel"])})
