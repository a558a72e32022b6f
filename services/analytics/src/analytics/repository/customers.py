"""Who came to a station, read from the view of stations' drivers."""

from datetime import datetime
from uuid import UUID

from analytics.domain.folds.station_drivers import StationDrivers
from analytics.domain.views import Document
from analytics.repository.views import Views

DRIVERS_AT_ONCE = 1_000
"""In one answer of the database: meanwhile everybody else is served."""


class Customers:
    """Reads of the view `station-drivers`. Raises StoreUnavailable when the database is away."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def visits(self, station_id: UUID, currency: str, since: datetime, until: datetime) -> list[Document]:
        """Drivers who were there since a moment, and for the first time before another: `first_at`, `last_before` (the
        last time before `since`, null where there was none) and `visits` from then on, until the other moment."""
        matching = {"station_id": station_id, "last_at": {"$gte": since}, "first_at": {"$lt": until}}
        steps = [{"$match": matching}, *_reduced(currency, since, until)]
        async with self._views.store.available():
            collection = await self._views.collection(StationDrivers.name)
            return await collection.aggregate(steps, batchSize=DRIVERS_AT_ONCE).to_list(None)


def _reduced(currency: str, since: datetime, until: datetime) -> list[Document]:
    """The database leaves out what no report needs, so that what comes is of the report's year, not of all times."""
    mine = {"$and": [{"$eq": ["$$one.currency", currency]}, {"$lt": ["$$one.at", until]}]}
    every = {"$map": {"input": {"$objectToArray": "$visits"}, "as": "visit", "in": "$$visit.v"}}
    earlier = {"$filter": {"input": "$visits", "as": "one", "cond": {"$lt": ["$$one.at", since]}}}
    recent = {"$filter": {"input": "$visits", "as": "one", "cond": {"$gte": ["$$one.at", since]}}}
    figures = {name: f"$$one.{name}" for name in ("at", "paid_minor", "volume_ml")}
    return [
        {"$project": {"_id": 0, "visits": {"$filter": {"input": every, "as": "one", "cond": mine}}}},
        {"$project": {
            "first_at": {"$min": "$visits.at"},
            "last_before": {"$max": {"$map": {"input": earlier, "as": "one", "in": "$$one.at"}}},
            "visits": {"$map": {"input": recent, "as": "one", "in": figures}},
        }},
    ]  # fmt: skip
