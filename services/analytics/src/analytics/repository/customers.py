"""Who came to a station, read from the view of stations' drivers."""

from datetime import datetime
from uuid import UUID

from analytics.domain.folds.station_drivers import StationDrivers
from analytics.domain.views import Document
from analytics.repository.views import Views


class Customers:
    """Reads of the view `station-drivers`. Raises StoreUnavailable when the database is away."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def visits(self, station_id: UUID, since: datetime, until: datetime) -> list[Document]:
        """The visits of drivers who were there since a moment, and for the first time before another."""
        matching = {"station_id": station_id, "last_at": {"$gte": since}, "first_at": {"$lt": until}}
        async with self._views.store.available():
            collection = await self._views.collection(StationDrivers.name)
            return await collection.find(matching, {"_id": False, "visits": True}).to_list(None)
