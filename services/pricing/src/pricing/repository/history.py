"""The history of prices, a partition for each month (UTC)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import CheckViolationError, SerializationError

from pricing.domain.history import Timeline, timeline
from schemas.vocabulary import Fuel
from servicekit.postgres import Connection

Month = tuple[int, int]

_MONTHS: set[Month] = set()
"""Months that are in the database; writing looks there only for others."""

PARTITIONS = """
    SELECT c.relname AS name, i.inhrelid IS NOT NULL AS is_attached, coalesce(i.inhdetachpending, false) AS is_leaving
    FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
      AND c.relname ~ '^price_history_[0-9]{4}_[0-9]{2}$'"""
TIMELINE = """
    WITH said AS NOT MATERIALIZED (
        SELECT effective_at, version, received_at, previous_confirmed_at, previous_price_mills,
               CASE WHEN currency = $5 THEN coalesce(price_mills, 0) ELSE 0 END AS price_mills
        FROM price_history WHERE station_id = $1 AND fuel = $2
    ), told AS (
        (SELECT * FROM said WHERE effective_at < $3
         ORDER BY effective_at DESC, version DESC NULLS FIRST, received_at DESC LIMIT 1)
        UNION ALL
        (SELECT * FROM said WHERE effective_at >= $3 AND effective_at < $4
         ORDER BY effective_at, version NULLS LAST, received_at)
        UNION ALL
        (SELECT NULL, NULL, NULL, previous_confirmed_at, previous_price_mills, NULL FROM said
         WHERE effective_at >= $4 AND version IS NOT NULL ORDER BY effective_at LIMIT 1)
        UNION ALL
        SELECT NULL, NULL, NULL, confirmed_at, price_mills, NULL FROM prices
        WHERE station_id = $1 AND fuel = $2 AND currency = $5
    )
    SELECT array_agg(date_part('epoch', effective_at)) FILTER (WHERE effective_at IS NOT NULL),
           array_agg(price_mills) FILTER (WHERE effective_at IS NOT NULL),
           array_agg(date_part('epoch', previous_confirmed_at)) FILTER (WHERE previous_confirmed_at IS NOT NULL),
           array_agg(coalesce(previous_price_mills, 0)) FILTER (WHERE previous_confirmed_at IS NOT NULL)
    FROM told"""
"""Not materialised: each part reads the few index pages of its own time, whatever years there are."""
TAKE_OVER = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '.price_history.dropping', 0))"
GIVE_UP = "SELECT pg_advisory_unlock(hashtextextended(current_schema() || '.price_history.dropping', 0))"


async def price_history(
    tx: Connection, station_id: UUID, fuel: Fuel, since: datetime, until: datetime,
    before: tuple[datetime, str] | None, limit: int,
) -> list[Any]:  # fmt: skip
    """What was said of a price, the latest first, in [since, until); `before` continues a page."""
    return await tx.fetch(
        """SELECT report_id, price_mills, currency, effective_at, submitted_at, received_at, version,
                  version IS NULL AS superseded
           FROM price_history
           WHERE station_id = $1 AND fuel = $2 AND effective_at >= $3 AND effective_at < $4
             AND ($5::timestamptz IS NULL OR (effective_at, report_id) < ($5, $6))
           ORDER BY effective_at DESC, report_id DESC LIMIT $7""",
        station_id, fuel, since, until, *(before or (None, "")), limit,
    )  # fmt: skip


async def price_timeline(
    tx: Connection, station_id: UUID, fuel: Fuel, currency: str, since: datetime, until: datetime
) -> Timeline:
    """What the grade cost in [since, until), from what was said and said again; another currency counts as not sold."""
    row = await tx.fetchrow(TIMELINE, station_id, fuel, since, until, currency)
    return timeline(*(column or [] for column in row or ([],) * 4))


async def make_months(tx: Connection, moments: Iterable[datetime]) -> None:
    """Makes the months of these UTC moments where they are missing; costs nothing where they are known to be there."""
    wanted = {(moment.year, moment.month): moment for moment in moments}
    if wanted.keys() <= _MONTHS:
        return
    _MONTHS.update(await _attached_months(tx))  # one that this transaction makes is not there for others yet
    for month in sorted(wanted.keys() - _MONTHS):
        await tx.execute("SELECT make_history_month($1)", wanted[month])


@contextmanager
def months_as_known() -> Iterator[None]:
    """Around a write to the history: where another replica dropped its month meanwhile, the transaction runs again."""
    try:
        yield
    except CheckViolationError as error:
        if getattr(error, "constraint_name", None):
            raise
        _MONTHS.clear()
        raise SerializationError("a month of the history was dropped") from error


async def drop_months_before(connection: Connection, horizon: datetime) -> list[str]:
    """Drops the months that ended before the horizon, without a lock that stops writers; returns their names.

    Outside a transaction. What a replica that died left half done is done to its end; two never do it at once.
    """
    if not await connection.fetchval(TAKE_OVER):
        return []
    try:
        first_kept = f"price_history_{horizon:%Y_%m}"
        partitions = [row for row in await connection.fetch(PARTITIONS) if row["name"] < first_kept]
        for partition in partitions:
            if partition["is_attached"]:
                how = "FINALIZE" if partition["is_leaving"] else "CONCURRENTLY"
                await connection.execute(f"ALTER TABLE price_history DETACH PARTITION {partition['name']} {how}")
            await connection.execute(f"DROP TABLE {partition['name']}")
            _MONTHS.clear()
        return [partition["name"] for partition in partitions]
    finally:
        await connection.execute(GIVE_UP)


async def _attached_months(tx: Connection) -> set[Month]:
    names = [row["name"] for row in await tx.fetch(PARTITIONS) if row["is_attached"] and not row["is_leaving"]]
    return {(int(name[-7:-3]), int(name[-2:])) for name in names}
