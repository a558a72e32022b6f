"""Pricing's own list of stations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pricing.repository.columns import columns
from schemas.events import StationClosedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.postgres import Connection
from servicekit.problems import Problem

StationEvent = StationRegisteredV1 | StationUpdatedV1 | StationClosedV1


async def save_stations(tx: Connection, stations: Sequence[StationEvent]) -> None:
    """Takes over stations as their events tell; one that is not newer than what is known changes nothing."""
    await tx.execute(
        """INSERT INTO stations (station_id, operator, currency, fuels, closed, version, name, country, region,
                                 time_zone, lat, lon)
           SELECT station_id, operator, currency, string_to_array(fuels, ','), closed, version, name, country, region,
                  time_zone, lat, lon
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::text[],
                       $8::text[], $9::text[], $10::text[], $11::float8[], $12::float8[])
                AS s (station_id, operator, currency, fuels, closed, version, name, country, region, time_zone, lat,
                      lon)
           ORDER BY station_id
           ON CONFLICT (station_id) DO UPDATE SET
               (operator, currency, fuels, closed, version, name, country, region, time_zone, lat, lon)
               = (excluded.operator, excluded.currency, excluded.fuels, excluded.closed, excluded.version,
                  excluded.name, excluded.country, excluded.region, excluded.time_zone, excluded.lat, excluded.lon)
           WHERE stations.version < excluded.version""",
        *columns(_row(station) for station in stations),
    )


def _row(station: StationEvent) -> tuple[Any, ...]:
    fuels = None if station.fuels is None else ",".join(sorted(station.fuels))
    return (
        station.station_id, station.operator, station.currency, fuels, isinstance(station, StationClosedV1),
        station.version, station.name, station.country, station.region, station.time_zone, station.lat, station.lon,
    )  # fmt: skip


async def station_row(tx: Connection, station_id: UUID) -> Any:
    """All that is known of the station. Raises Problem 404 where there is none."""
    row = await tx.fetchrow("SELECT * FROM stations WHERE station_id = $1", station_id)
    if row is None:
        raise Problem(404, "unknown-station", "There is no station with this id.")
    return row


async def unknown_stations(tx: Connection, station_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the stations that pricing does not know."""
    rows = await tx.fetch(
        "SELECT id FROM unnest($1::uuid[]) AS asked (id) WHERE NOT EXISTS (SELECT FROM stations WHERE station_id = id)",
        station_ids,
    )
    return [row["id"] for row in rows]
