"""Queries about simulations, and about the past orders that they are made of."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from loyalty.domain.earning import ONCE
from loyalty.domain.simulation import Given, PastOrder
from loyalty.domain.terms import Purchase, Stacking
from servicekit.postgres import Connection

AT_ONCE = 1_000
COUPON = Stacking(group="coupon")
"""Of a discount whose terms nobody knows any more."""


class Asked(NamedTuple):
    """Which past orders: of an operator, at these stations (None: all), paid in this time."""

    operator: str
    station_ids: tuple[str, ...] | None
    from_at: datetime
    until_at: datetime


async def count_orders(tx: Connection, asked: Asked) -> int:
    """How many orders were paid that are asked for."""
    (row,) = await tx.fetch(
        """SELECT count(*) FROM purchases
           WHERE operator = $1 AND ($2::uuid[] IS NULL OR station_id = ANY($2)) AND paid_at >= $3 AND paid_at < $4""",
        *asked,
    )
    return row[0]


async def past_orders(tx: Connection, asked: Asked, most: int) -> AsyncIterator[list[PastOrder]]:
    """The newest orders that are asked for, in the order in which they were paid, some at a time.

    Whole refunds are left out: they cost nothing. Needs a transaction.
    """
    terms = await _stacking_of(tx, asked.operator)
    cursor = await tx.cursor(
        """SELECT o.*, s.time_zone, f.number FROM (
               SELECT * FROM purchases
               WHERE operator = $1 AND ($2::uuid[] IS NULL OR station_id = ANY($2))
                     AND paid_at >= $3 AND paid_at < $4 AND NOT (paid_minor > 0 AND refunded_minor >= paid_minor)
               ORDER BY paid_at DESC, order_id DESC LIMIT $5) AS o
           JOIN stations s USING (station_id)
           JOIN LATERAL (
               SELECT count(*) + 1 AS number FROM purchases e
               WHERE (e.driver_id, e.operator) = (o.driver_id, o.operator)
                     AND (e.paid_at, e.order_id) < (o.paid_at, o.order_id)
           ) AS f ON true
           ORDER BY o.paid_at, o.order_id""",
        *asked, most,
    )  # fmt: skip
    while rows := await cursor.fetch(AT_ONCE):
        yield [_past_order(row, terms) for row in rows]


async def _stacking_of(tx: Connection, operator: str) -> dict[str, tuple[Stacking, int]]:
    """How the operator's campaigns and coupons combine, and by how much they multiply points, by their ids."""
    rows = await tx.fetch(
        """SELECT campaign_id::text AS id, stacking, (benefit ->> 'basis_points')::int AS points
           FROM campaigns WHERE operator = $1""",
        operator,
    )
    return {row["id"]: (msgspec.json.decode(row["stacking"], type=Stacking), row["points"] or ONCE) for row in rows}


def _past_order(row: Mapping[str, Any], terms: Mapping[str, tuple[Stacking, int]]) -> PastOrder:
    parts: Sequence[dict[str, Any]] = msgspec.json.decode(row["breakdown"])
    given = tuple(
        Given(part["reference"] or part["kind"], part["amount_minor"], terms.get(part["reference"] or "", (COUPON,))[0])
        for part in parts
        if part["kind"] != "points"
    )
    multiplied = max((terms[str(one)][1] for one in row["multiplier_campaigns"] if str(one) in terms), default=ONCE)
    purchase = Purchase(
        row["driver_id"], row["operator"], str(row["station_id"]), row["time_zone"], row["fuel"], row["price_mills"],
        row["volume_ml"], row["gross_minor"], row["currency"], row["method"], row["tier"], row["paid_at"],
    )  # fmt: skip
    return PastOrder(purchase, given, row["points_due"], multiplied, row["number"], row["mode"])


async def save(
    tx: Connection, simulation_id: UUID, campaign_id: UUID, version: int, span: tuple[datetime, datetime],
    result: bytes, made_by: str,
) -> None:  # fmt: skip
    """Keeps what came out."""
    await tx.execute(
        """INSERT INTO simulations (simulation_id, campaign_id, version, from_at, until_at, result, made_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        simulation_id, campaign_id, version, *span, result.decode(), made_by,
    )  # fmt: skip


async def newest(tx: Connection, campaign_id: UUID) -> Any:
    """The row of the campaign's last simulation; None where there was none."""
    return await tx.fetchrow(
        "SELECT * FROM simulations WHERE campaign_id = $1 ORDER BY simulation_id DESC LIMIT 1", campaign_id
    )
