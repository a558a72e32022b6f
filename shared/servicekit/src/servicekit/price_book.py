"""Stations and their prices as another service knows them: a read model of stations.stations and pricing.prices.

A service that keeps one has the tables `stations` and `prices` in its migrations (payments' 0001_orders.sql shows them)
and adds `SUBSCRIPTIONS` to its own. Of each station and price the newest event counts, whatever came before.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from schemas.events import (
    PriceChangedV1,
    PriceConfirmedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
)
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.consumer import Received, Subscriptions
from servicekit.postgres import Connection
from servicekit.problems import Problem

StationEvent = StationRegisteredV1 | StationUpdatedV1 | StationClosedV1


async def record_stations(tx: Connection, received: Sequence[Received]) -> None:
    """Takes over stations; of each the newest event counts, whatever came before."""
    newest = {event.station_id: event for event, *_ in sorted(received, key=lambda one: one.event.version)}
    await save_stations(tx, list(newest.values()))


async def record_prices(tx: Connection, received: Sequence[Received]) -> None:
    """Takes over prices."""
    newest = {
        (event.station_id, event.fuel): event for event, *_ in sorted(received, key=lambda one: one.event.version)
    }
    await save_prices(tx, list(newest.values()))


async def pass_by(tx: Connection, received: Sequence[Received]) -> None:
    """That a price still holds changes nothing: here counts what the price is, not how old."""


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


async def station_for(tx: Connection, principal: Principal, station_id: UUID, permission: Permission) -> Any:
    """The station's row, if the principal may do this there; else Problem 404: a foreign one is not to be seen."""
    station = await station_of(tx, station_id)
    if station is None or not principal.may_act_for(str(station_id), station["operator"], permission):
        raise Problem(
            404, "no-such-station", "There is no such station among those that your access token is bound to."
        )
    return station


SUBSCRIPTIONS: Subscriptions = {
    PriceChangedV1: record_prices,
    PriceConfirmedV1: pass_by,
    StationRegisteredV1: record_stations,
    StationUpdatedV1: record_stations,
    StationClosedV1: record_stations,
}
