"""Queries about a driver's month."""

from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from payments.domain.bills import CardMonth, RechargeLine, RefundLine
from payments.domain.records import Fill
from payments.repository.records import FILL_COLUMNS, fill_of
from servicekit.postgres import Connection


async def fills(tx: Connection, driver_id: str, since: datetime, until: datetime, limit: int) -> list[Fill]:
    """The orders that were paid from `since` until before `until`, the earliest first."""
    rows = await tx.fetch(
        f"""SELECT {FILL_COLUMNS} FROM orders o LEFT JOIN stations s USING (station_id)
            WHERE driver_id = $1 AND paid_at >= $2 AND paid_at < $3 ORDER BY paid_at, order_id LIMIT $4""",  # noqa: S608
        driver_id, since, until, limit,
    )  # fmt: skip
    return [fill_of(row) for row in rows]


async def refunds(tx: Connection, driver_id: str, since: datetime, until: datetime, limit: int) -> list[RefundLine]:
    """The refunds of orders that reached the driver meanwhile, the earliest first."""
    rows = await tx.fetch(
        """SELECT refund_id, order_id, settled_at AS at, s.name AS station, r.amount_minor, r.currency, r.method,
                  r.reason
           FROM orders o JOIN refunds r ON r.purpose = 'order' AND r.purpose_id = o.order_id
           LEFT JOIN stations s USING (station_id)
           WHERE driver_id = $1 AND o.refunded_minor > 0 AND r.status = 'succeeded'
             AND settled_at >= $2 AND settled_at < $3
           ORDER BY settled_at, refund_id LIMIT $4""",
        driver_id, since, until, limit,
    )  # fmt: skip
    return [RefundLine(**row) for row in rows]


async def recharges(tx: Connection, driver_id: str, since: datetime, until: datetime, limit: int) -> list[RechargeLine]:
    """What the driver put on cards meanwhile, the earliest first."""
    rows = await tx.fetch(
        """SELECT recharge_id, card_id, paid_at AS at, amount_minor, currency, method FROM recharges
           WHERE driver_id = $1 AND status = 'paid' AND paid_at >= $2 AND paid_at < $3
           ORDER BY paid_at, recharge_id LIMIT $4""",
        driver_id, since, until, limit,
    )  # fmt: skip
    return [RechargeLine(**row) for row in rows]


async def cards(tx: Connection, driver_id: str, since: datetime, until: datetime) -> list[CardMonth]:
    """The driver's cards with an account of their own, and how it moved; not one that was closed before."""
    rows = await tx.fetch(
        """SELECT c.card_id, c.kind, c.currency, t.kind AS movement,
                  coalesce(sum(p.amount_minor) FILTER (WHERE t.made_at < $2), 0)::bigint AS before,
                  coalesce(sum(p.amount_minor) FILTER (WHERE t.made_at >= $2), 0)::bigint AS during
           FROM cards c
           LEFT JOIN postings p USING (account_id)
           LEFT JOIN transfers t ON t.transfer_id = p.transfer_id
           WHERE c.driver_id = $1 AND c.company_id IS NULL AND c.opened_at < $3
             AND (c.closed_at IS NULL OR c.closed_at >= $2) AND (t.made_at IS NULL OR t.made_at < $3)
           GROUP BY c.card_id, c.kind, c.currency, t.kind ORDER BY c.opened_at, c.card_id, t.kind""",
        driver_id, since, until,
    )  # fmt: skip
    return [_card_month(card_id, list(same)) for card_id, same in groupby(rows, key=lambda row: row["card_id"])]


def _card_month(card_id: UUID, rows: list[Any]) -> CardMonth:
    movements = {row["movement"]: row["during"] for row in rows if row["during"]}
    return CardMonth(card_id, rows[0]["kind"], rows[0]["currency"], sum(row["before"] for row in rows), movements)
