"""The stations and prices that orders are placed at: a read model of stations.stations and pricing.prices."""

from collections.abc import Sequence

from payments.repository import price_book as repository
from servicekit.consumer import Received
from servicekit.postgres import Connection


async def record_stations(tx: Connection, received: Sequence[Received]) -> None:
    """Takes over stations; of each the newest event counts, whatever came before."""
    newest = {event.station_id: event for event, *_ in sorted(received, key=lambda one: one.event.version)}
    await repository.save_stations(tx, list(newest.values()))


async def record_prices(tx: Connection, received: Sequence[Received]) -> None:
    """Takes over prices; an open order keeps the price that it was placed at."""
    newest = {
        (event.station_id, event.fuel): event for event, *_ in sorted(received, key=lambda one: one.event.version)
    }
    await repository.save_prices(tx, list(newest.values()))


async def pass_by(tx: Connection, received: Sequence[Received]) -> None:
    """That a price still holds changes nothing: an order asks what the price is, not how old."""
