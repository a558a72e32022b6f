"""Queries about stations and prices, as payments knows them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from schemas.events import PriceChangedV1, StationClosedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.postgres import Connection

StationEvent = StationRegisteredV1 | StationUpdatedV1 | StationClosedV1


async def save_stations(tx: Connection, stations: Sequence[StationEvent]) -> None:
    """Takes over stations as their events tell; one that is not newer than what is known changes nothing."""
    await tx.executemany(
        """INSERT INTO stations (station_id, operator, name, country, time_zone, currency, fuels, closed, version)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (station_id) DO UPDATE SET
               (operator, name, country, time_zone, currency, fuels, closed, version)
               = (excluded.operator, excluded.name, excluded.country, excluded.time_zone, excluded.currency,
                  excluded.fuels, excluded.closed, excluded.version)
           WHERE stations.version < excluded.version""",
        [
            (
                one.station_id, one.operator, one.name, one.country, one.time_zone, one.currency, one.fuels,
                isinstance(one, StationClosedV1), one.version,
            )
            for one in sorted(stations, key=lambda one: one.station_id)
        ],
    )  # fmt: skip


async def save_prices(tx: Connection, prices: Sequence[PriceChangedV1]) -> None:
    """Takes over prices, each unless what is known is as new."""
    columns = list(zip(
        *((one.station_id, one.fuel, one.price_mills, one.currency, one.version, one.effective_at) for one in prices),
        strict=True,
    ))  # fmt: skip
    await tx.execute(
        """INSERT INTO prices (station_id, fuel, price_mills, currency, version, effective_at)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::bigint[], $6::timestamptz[])
                AS p (station_id, fuel, price_mills, currency, version, effective_at)
           ORDER BY station_id, fuel
           ON CONFLICT (station_id, fuel) DO UPDATE SET
               (price_mills, currency, version, effective_at)
               = (excluded.price_mills, excluded.currency, excluded.version, excluded.effective_at)
           WHERE prices.version < excluded.version""",
        *map(list, columns),
    )


async def station_of(tx: Connection, station_id: UUID) -> Any:
    """The station's row; None where nobody registered it."""
    return await tx.fetchrow("SELECT * FROM stations WHERE station_id = $1", station_id)


async def price_of(tx: Connection, station_id: UUID, fuel: str) -> Any:
    """The price's row; None where none was ever told."""
    return await tx.fetchrow("SELECT * FROM prices WHERE (station_id, fuel) = ($1, $2)", station_id, fuel)
