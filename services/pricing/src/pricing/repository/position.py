"""Prices around a place."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pricing.domain.places import Place, box_around, distance_m
from schemas.vocabulary import Fuel
from servicekit.postgres import Connection


async def prices_around(
    tx: Connection, place: Place, radius_m: int, fuel: Fuel, currency: str, confirmed_after: datetime
) -> dict[UUID, int]:
    """What open stations within the circle ask for the grade now, in this currency, where it is not stale."""
    rows: list[Any] = await tx.fetch(
        """SELECT station_id, lat, lon, price_mills FROM stations s JOIN prices p USING (station_id)
           WHERE NOT closed AND lat BETWEEN $1 AND $3 AND lon BETWEEN $2 AND $4
             AND fuel = $5 AND p.currency = $6 AND price_mills IS NOT NULL AND confirmed_at > $7""",
        *box_around(place, radius_m), fuel, currency, confirmed_after,
    )  # fmt: skip
    return {row["station_id"]: row["price_mills"] for row in rows if distance_m(place, (row[1], row[2])) <= radius_m}
