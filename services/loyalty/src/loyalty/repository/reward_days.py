"""Queries about rewards that go by the calendar: who is to get one today."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from loyalty.domain.terms import Campaign
from loyalty.repository.campaigns import campaign_of
from servicekit.postgres import Connection

_AT_OPERATOR = """p.operator = $1 AND p.paid_at IS NOT NULL AND NOT (p.refunded_minor > 0
    AND p.refunded_minor >= p.paid_minor)"""
_IN_SCOPE = "($2::text[] IS NULL OR m.tier = ANY($2)) AND ($3::text[] IS NULL OR p.station_id::text = ANY($3))"


async def out(tx: Connection, at: datetime, day: date) -> list[Campaign]:
    """Campaigns that hold at a moment, whose rewards go by the calendar, and whose day is not done."""
    rows = await tx.fetch(
        """SELECT c.* FROM campaigns c LEFT JOIN reward_days d ON (d.campaign_id, d.day) = (c.campaign_id, $2)
           WHERE status IN ('scheduled', 'live') AND starts_at <= $1 AND (ends_at IS NULL OR ends_at > $1)
               AND benefit->>'trigger' IN ('birthday_month', 'come_back') AND d.done_at IS NULL
           ORDER BY c.campaign_id""",
        at, day,
    )  # fmt: skip
    return [campaign_of(row) for row in rows]


async def take(tx: Connection, campaign_id: UUID, day: date, at: datetime, lease: timedelta) -> bool:
    """Takes a campaign's day; False where another process has it, or has done it."""
    taken = await tx.fetchval(
        """INSERT INTO reward_days AS d (campaign_id, day, taken_at) VALUES ($1, $2, $3)
           ON CONFLICT (campaign_id, day) DO UPDATE SET taken_at = $3
           WHERE d.done_at IS NULL AND d.taken_at <= $3::timestamptz - $4::interval
           RETURNING true""",
        campaign_id, day, at, lease,
    )  # fmt: skip
    return bool(taken)


async def finish(tx: Connection, campaign_id: UUID, day: date, at: datetime) -> None:
    """A campaign's day is done."""
    await tx.execute("UPDATE reward_days SET done_at = $3 WHERE (campaign_id, day) = ($1, $2)", campaign_id, day, at)


async def with_birthday(
    tx: Connection, campaign: Campaign, at: datetime, after: str, limit: int
) -> list[str]:  # fmt: skip
    """Drivers who said that they were born in the month (UTC), were customers before, and got nothing this year."""
    rows = await tx.fetch(
        f"""SELECT m.driver_id FROM members m
            WHERE m.birth_month = $4 AND m.driver_id > $5
                AND EXISTS (SELECT FROM purchases p WHERE p.driver_id = m.driver_id AND {_AT_OPERATOR} AND {_IN_SCOPE})
                AND NOT EXISTS (SELECT FROM rewards r WHERE (r.driver_id, r.campaign_id) = (m.driver_id, $6)
                                AND r.decided_at >= $7)
            ORDER BY m.driver_id LIMIT $8""",  # noqa: S608 -- our own conditions
        *_scope(campaign), at.month, after, UUID(campaign.campaign_id), datetime(at.year, 1, 1, tzinfo=UTC), limit,
    )  # fmt: skip
    return [row["driver_id"] for row in rows]


async def gone_since(
    tx: Connection, campaign: Campaign, before: datetime, after: str, limit: int
) -> list[tuple[str, UUID]]:
    """(driver, last order) of those whose last paid order at the operator is older than that and earned nothing yet."""
    rows = await tx.fetch(
        f"""SELECT p.driver_id, (array_agg(p.order_id ORDER BY p.paid_at DESC, p.order_id))[1] AS order_id
            FROM purchases p JOIN members m USING (driver_id)
            WHERE {_AT_OPERATOR} AND {_IN_SCOPE} AND p.paid_at < $4 AND p.driver_id > $5
                AND NOT EXISTS (SELECT FROM purchases q WHERE q.driver_id = p.driver_id AND q.operator = p.operator
                    AND q.paid_at >= $4 AND NOT (q.refunded_minor > 0 AND q.refunded_minor >= q.paid_minor))
            GROUP BY p.driver_id
            HAVING NOT EXISTS (SELECT FROM rewards r WHERE (r.driver_id, r.campaign_id) = (p.driver_id, $6)
                               AND r.decided_at >= max(p.paid_at))
            ORDER BY p.driver_id LIMIT $7""",  # noqa: S608 -- as above
        *_scope(campaign), before, after, UUID(campaign.campaign_id), limit,
    )  # fmt: skip
    return [(row["driver_id"], row["order_id"]) for row in rows]


def _scope(campaign: Campaign) -> tuple[str, list[str] | None, list[str] | None]:
    scope = campaign.scope
    return (
        campaign.operator, None if scope.tiers is None else list(scope.tiers),
        None if scope.station_ids is None else list(scope.station_ids),
    )  # fmt: skip
