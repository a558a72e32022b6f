"""Price levels of regions, and marks where they must be computed anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pricing.domain.levels import Mark
from pricing.repository.columns import columns
from schemas.vocabulary import Fuel
from servicekit.postgres import Connection

ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.price_levels', 0))"
MAX_MARKS = 200


async def levels(tx: Connection, region: str, fuel: Fuel | None) -> list[Any]:
    """The levels of a region, by grade."""
    return await tx.fetch(
        "SELECT * FROM price_levels WHERE region = $1 AND (fuel = $2 OR $2 IS NULL) ORDER BY fuel, currency",
        region, fuel,
    )  # fmt: skip


async def mark_prices(tx: Connection, changed: Sequence[tuple[UUID, Fuel]]) -> None:
    """The regions of these prices must be looked at again."""
    await tx.execute(
        f"""WITH changed AS (SELECT * FROM unnest($1::uuid[], $2::text[]) AS c (station_id, fuel))
            {MARK}""",  # noqa: S608 - a constant
        *columns(changed),
    )


async def mark_stations(tx: Connection, station_ids: Sequence[UUID]) -> None:
    """The regions of all prices of these stations must be looked at again."""
    await tx.execute(
        f"""WITH changed AS (SELECT station_id, fuel FROM prices WHERE station_id = ANY($1))
            {MARK}""",  # noqa: S608 - a constant
        station_ids,
    )


MARK = """INSERT INTO price_level_marks (region, fuel)
          SELECT DISTINCT lies.region, fuel
          FROM changed JOIN stations USING (station_id)
               CROSS JOIN LATERAL (VALUES (country), (stations.region)) AS lies (region)
          WHERE lies.region IS NOT NULL ORDER BY 1, 2
          ON CONFLICT (region, fuel) DO UPDATE SET marks = price_level_marks.marks + 1"""


async def take_marks(tx: Connection, older_than: datetime) -> list[Mark]:
    """What is to be computed anew: what is marked, and levels that are old. Nothing while another process computes."""
    if not await tx.fetchval(ONE_AT_A_TIME):
        return []
    rows = await tx.fetch(
        """SELECT region, fuel, marks FROM price_level_marks
           UNION SELECT region, fuel, 0 FROM price_levels WHERE computed_at < $1 LIMIT $2""",
        older_than, MAX_MARKS,
    )  # fmt: skip
    return [Mark(*row) for row in rows]


async def compute_levels(
    tx: Connection, marks: Sequence[Mark], now: datetime, confirmed_after: datetime, min_stations: int
) -> None:
    """Computes what is marked from current prices, and takes off those marks that did not grow meanwhile."""
    regions, fuels, counts = columns(marks)
    await tx.execute(
        """INSERT INTO price_levels (region, fuel, currency, cheap_mills, usual_mills, dear_mills, stations,
                                     computed_at)
           SELECT m.region, m.fuel, p.currency, percentile_disc(0.25) WITHIN GROUP (ORDER BY p.price_mills),
                  percentile_disc(0.5) WITHIN GROUP (ORDER BY p.price_mills),
                  percentile_disc(0.75) WITHIN GROUP (ORDER BY p.price_mills), count(*), $3
           FROM (SELECT DISTINCT region, fuel FROM unnest($1::text[], $2::text[]) AS m (region, fuel)) AS m
                JOIN (stations s CROSS JOIN LATERAL (VALUES (s.country), (s.region)) AS lies (name))
                     ON lies.name = m.region
                JOIN prices p ON (p.station_id, p.fuel) = (s.station_id, m.fuel)
           WHERE NOT s.closed AND p.price_mills IS NOT NULL AND p.confirmed_at > $4
           GROUP BY m.region, m.fuel, p.currency HAVING count(*) >= $5
           ON CONFLICT (region, fuel, currency) DO UPDATE SET
               (cheap_mills, usual_mills, dear_mills, stations, computed_at)
               = (excluded.cheap_mills, excluded.usual_mills, excluded.dear_mills, excluded.stations,
                  excluded.computed_at)""",
        regions, fuels, now, confirmed_after, min_stations,
    )  # fmt: skip
    await tx.execute(
        """DELETE FROM price_levels l USING unnest($1::text[], $2::text[]) AS m (region, fuel)
           WHERE (l.region, l.fuel) = (m.region, m.fuel) AND l.computed_at < $3""",
        regions, fuels, now,
    )  # fmt: skip
    await tx.execute(
        """DELETE FROM price_level_marks l USING unnest($1::text[], $2::text[], $3::bigint[]) AS m (region, fuel, marks)
           WHERE (l.region, l.fuel, l.marks) = (m.region, m.fuel, m.marks)""",
        regions, fuels, counts,
    )  # fmt: skip
