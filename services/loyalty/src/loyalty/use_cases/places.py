"""Stations as they are told: for prices, and as places that campaigns are found at."""

from collections.abc import Sequence

from loyalty.repository.places import save_places
from schemas.events import StationClosedV1, StationRegisteredV1, StationUpdatedV1
from servicekit import price_book
from servicekit.consumer import Received, Subscriptions
from servicekit.postgres import Connection


async def record_stations(tx: Connection, received: Sequence[Received]) -> None:
    """Takes over stations; of each the newest event counts, whatever came before."""
    newest = {event.station_id: event for event, *_ in sorted(received, key=lambda one: one.event.version)}
    await price_book.save_stations(tx, list(newest.values()))
    await save_places(tx, list(newest.values()))


SUBSCRIPTIONS: Subscriptions = {
    **price_book.SUBSCRIPTIONS,
    StationRegisteredV1: record_stations,
    StationUpdatedV1: record_stations,
    StationClosedV1: record_stations,
}
"""Those of servicekit.price_book, and where stations are."""
