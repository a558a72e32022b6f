"""Queries about stations as places: which are around a point."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from loyalty.domain.conflicts import Place
from servicekit.postgres import Connection
from servicekit.price_book import StationEvent

METRES_A_DEGREE = 111_000
"""Of latitude; a little less than there are, so that the band around a point is never too narrow."""
MOST_STATIONS = 1_000
"""Around one point, the nearest."""


async def save_places(tx: Connection, stations: Sequence[StationEvent]) -> None:
    """Takes over where stations are; what is not newer than what is known changes nothing."""
    await tx.executemany(
        """INSERT INTO station_places (station_id, lat, lon, version) VALUES ($1, $2, $3, $4)
           ON CONFLICT (station_id) DO UPDATE SET (lat, lon, version) = (excluded.lat, excluded.lon, excluded.version)
           WHERE station_places.version < excluded.version""",
        [(it.station_id, it.lat, it.lon, it.version) for it in sorted(stations, key=lambda one: one.station_id)],
    )


async def stations_around(tx: Connection, lat: float, lon: float, radius_m: int) -> list[Any]:
    """Open stations within so many metres, the nearest first: station_id, operator, name, fuels, distance_m.

    Distances are great circles on a sphere (haversine). Only the latitude narrows what is looked at, so the meridian
    where longitudes jump needs no rule of its own.
    """
    band = radius_m / METRES_A_DEGREE
    return await tx.fetch(
        """SELECT * FROM (
               SELECT s.station_id, s.operator, s.name, s.fuels, (2 * 6371008.8 * asin(least(1, sqrt(
                   sin(radians(p.lat - $1) / 2) ^ 2
                   + cos(radians($1)) * cos(radians(p.lat)) * sin(radians(p.lon - $2) / 2) ^ 2))))::int AS distance_m
               FROM station_places p JOIN stations s USING (station_id)
               WHERE p.lat BETWEEN $1 - $3::float8 AND $1 + $3::float8 AND NOT s.closed
           ) AS found
           WHERE distance_m <= $4 ORDER BY distance_m, station_id LIMIT $5""",
        lat, lon, band, radius_m, MOST_STATIONS,
    )  # fmt: skip


async def open_station(tx: Connection, station_id: UUID) -> Any:
    """The same columns of one station, with no distance; None where none is known or it closed."""
    return await tx.fetchrow(
        """SELECT station_id, operator, name, fuels, NULL::int AS distance_m FROM stations
           WHERE station_id = $1 AND NOT closed""",
        station_id,
    )  # fmt: skip


async def places_of(tx: Connection, operator: str, station_ids: Sequence[str] | None) -> list[Place]:
    """The operator's open stations, or those of them that are named, by id."""
    named = None if station_ids is None else [UUID(one) for one in station_ids]
    rows = await tx.fetch(
        """SELECT station_id::text, time_zone, currency, fuels FROM stations
           WHERE operator = $1 AND NOT closed AND (station_id = ANY($2) OR $2 IS NULL) ORDER BY station_id""",
        operator, named,
    )  # fmt: skip
    return [Place(*row) for row in rows]


async def prices_at(tx: Connection, station_ids: Sequence[UUID]) -> dict[tuple[str, str], int]:
    """What grades cost there, in mills, by (station id, grade)."""
    rows = await tx.fetch(
        """SELECT p.station_id::text, p.fuel, p.price_mills FROM prices p JOIN stations s USING (station_id)
           WHERE p.station_id = ANY($1) AND p.price_mills IS NOT NULL AND p.currency = s.currency""",
        station_ids,
    )  # fmt: skip
    return {(row["station_id"], row["fuel"]): row["price_mills"] for row in rows}
