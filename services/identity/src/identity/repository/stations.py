"""Queries about stations as identity knows them."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection


async def save_stations(connection: Connection, stations: Sequence[tuple[UUID, str, int]]) -> None:
    """Stores (id, operator, version) of each; what is older than what is known stays out."""
    await connection.execute(
        """INSERT INTO known_stations (station_id, operator, version)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[])
           ON CONFLICT (station_id) DO UPDATE SET operator = EXCLUDED.operator, version = EXCLUDED.version
           WHERE known_stations.version < EXCLUDED.version""",
        *(list(column) for column in zip(*stations, strict=True)),
    )  # fmt: skip


async def operators_of(connection: Connection, stations: Sequence[UUID]) -> dict[UUID, str]:
    """The operator of each station that is known."""
    rows = await connection.fetch(
        "SELECT station_id, operator FROM known_stations WHERE station_id = ANY($1)", list(stations)
    )
    return {row["station_id"]: row["operator"] for row in rows}
