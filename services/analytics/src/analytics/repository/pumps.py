"""What happened at pumps, read from the view of their days."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from analytics.domain.folds.pump_days import PumpDays
from analytics.domain.folds.station_prices import milliseconds
from analytics.domain.pump_times import LastSaid
from analytics.domain.views import Document
from analytics.repository.views import Views

LONGEST_SILENCE = timedelta(days=35)
"""So long the topic of pumps keeps what they said."""
FIELDS = {"_id": 0, "pump_id": 1, "day": 1, "orders": 1, "statuses": 1}


class Pumps:
    """Reads of the view `pump-days`. Raises StoreUnavailable when the database is away."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def days(self, station_id: UUID, first_day: date, last_day: date) -> Mapping[str, Sequence[Document]]:
        """The days of UTC of a station's pumps, both count, by pump."""
        within = {"station_id": station_id, "day": {"$gte": _midnight(first_day), "$lte": _midnight(last_day)}}
        found: dict[str, list[Document]] = {}
        async with self._views.store.available():
            collection = await self._views.collection(PumpDays.name)
            async for document in collection.find(within, FIELDS):
                found.setdefault(document["pump_id"], []).append(document)
        return found

    async def last_said(self, station_id: UUID, day: date) -> dict[str, LastSaid]:
        """What each pump said last before a day of UTC, where it said something within LONGEST_SILENCE."""
        within = {"$gte": _midnight(day) - LONGEST_SILENCE, "$lt": _midnight(day)}
        last: dict[str, Any] = {"$arrayElemAt": ["$statuses", -1]}
        pipeline: list[dict[str, Any]] = [
            {"$match": {"station_id": station_id, "day": within, "statuses.0": {"$exists": True}}},
            {"$project": {"pump_id": 1, "day": 1, "last": last}},
            {"$sort": {"day": 1}},
            {"$group": {"_id": "$pump_id", "day": {"$last": "$day"}, "last": {"$last": "$last"}}},
        ]
        async with self._views.store.available():
            collection = await self._views.collection(PumpDays.name)
            found = await collection.aggregate(pipeline).to_list(None)
        return {one["_id"]: (milliseconds(one["day"]) + one["last"][1], one["last"][2]) for one in found}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
