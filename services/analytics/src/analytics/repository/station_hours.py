"""What stations sold, read from the view of their hours; and when drivers came to a station for the first time."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from analytics.domain.folds.station_drivers import StationDrivers
from analytics.domain.folds.station_hours import StationHours as View
from analytics.domain.folds.station_hours import key_of
from analytics.domain.sales import SUMS
from analytics.domain.views import Document
from analytics.repository.views import Views

FIELDS = ("begins_at", *SUMS, "fuels", "methods", "discounts", "drivers")


class StationHours:
    """Reads of the views `station-hours` and `station-drivers`. Raises StoreUnavailable when the database is away."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def hours(
        self, station_id: UUID, currency: str, starts_at: datetime, ends_at: datetime, fields: Sequence[str] = FIELDS
    ) -> list[Document]:
        """The hours of a station that begin in the time and in which something happened, the first one first."""
        within = {
            "_id": {"$gte": key_of(station_id, starts_at, ""), "$lt": key_of(station_id, ends_at, "~")},
            "begins_at": {"$gte": starts_at, "$lt": ends_at}, "currency": currency,
        }  # fmt: skip
        async with self._views.store.available():
            collection = await self._views.collection(View.name)
            return await collection.find(within, {"_id": 0, **dict.fromkeys(fields, 1)}).sort("_id", 1).to_list(None)

    async def newcomers(self, station_id: UUID, starts_at: datetime, ends_at: datetime) -> list[datetime]:
        """When drivers paid at the station for the first time ever, of those who did so in the time."""
        within = {"station_id": station_id, "first_at": {"$gte": starts_at, "$lt": ends_at}}
        async with self._views.store.available():
            collection = await self._views.collection(StationDrivers.name)
            return [one["first_at"] async for one in collection.find(within, {"_id": 0, "first_at": 1})]
