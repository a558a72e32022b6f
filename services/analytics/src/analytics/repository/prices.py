"""What stations asked for their fuel and what they sold of it by the hour, read from views."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from analytics.domain.folds.station_hours import StationHours, key_of
from analytics.domain.folds.station_prices import StationPrices, milliseconds
from analytics.domain.views import Document
from analytics.repository.views import Views

SAID = {"changes.0": {"$exists": True}}
"""Days on which a price changed: on others it was at most said again."""


Sold = dict[str, dict[int, tuple[int, int]]]
"""Fuel -> hour (milliseconds since 1970) -> (millilitres, orders)."""


class Asked(NamedTuple):
    """A fuel of a station, and the days in UTC (by their beginnings) to look at, both included."""

    station_id: UUID
    fuel: str
    first_day: datetime
    last_day: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What a station said of a price: its changes, from the one that held when the first day began, as the view keeps
    them; and by day of UTC how often it said it again."""

    changes: list[list[Any]]
    confirmations: Mapping[date, int]


class Prices:
    """Reads of the views `station-prices` and `station-hours`. Raises StoreUnavailable when the database is away."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def fuels(self, station_id: UUID) -> list[str]:
        """The fuels that the station ever asked a price for, by name."""
        async with self._views.store.available():
            collection = await self._views.collection(StationPrices.name)
            return sorted(await collection.distinct("fuel", {"station_id": station_id}))

    async def said(self, asked: Iterable[Asked]) -> dict[Asked, Said]:
        """What was said of each price, by one query."""
        wanted = list(dict.fromkeys(asked))
        if not wanted:
            return {}
        async with self._views.store.available():
            collection = await self._views.collection(StationPrices.name)
            rows = await self._views.store.database.aggregate(_pipeline(wanted, collection.name)).to_list(None)
        return {wanted[row["place"]]: _said(row) for row in rows}

    async def sold(self, station_id: UUID, currency: str, since: datetime, until: datetime) -> Sold:
        """What was sold of each fuel in the hours that begin in the time, of those in which something was."""
        within = {
            "_id": {"$gte": key_of(station_id, since, ""), "$lt": key_of(station_id, until, "~")},
            "begins_at": {"$gte": since, "$lt": until}, "currency": currency,
        }  # fmt: skip
        wanted = {"_id": False, "begins_at": True, "fuels": True}
        async with self._views.store.available():
            collection = await self._views.collection(StationHours.name)
            hours = await collection.find(within, wanted).to_list(None)
        sold: Sold = {}
        for hour in hours:
            for fuel, figures in hour["fuels"].items():
                sold.setdefault(fuel, {})[milliseconds(hour["begins_at"])] = figures["volume_ml"], figures["orders"]
        return sold


def day_of(moment: datetime) -> datetime:
    """The beginning of its day in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _pipeline(wanted: list[Asked], collection: str) -> list[Document]:
    """For each price its days, and the last day before on which it changed: each a step in the index."""
    places = [{"place": place, **one._asdict()} for place, one in enumerate(wanted)]
    before = [{"$match": SAID}, {"$sort": {"day": -1}}, {"$limit": 1}]
    return [
        {"$documents": places},
        _lookup(collection, "before", {"$lt": ["$day", "$$first_day"]}, [*before, {"$project": {"changes": 1}}]),
        _lookup(
            collection, "within", {"$gte": ["$day", "$$first_day"]}, [{"$project": {"seen": 0}}],
            {"$lte": ["$day", "$$last_day"]},
        ),
        {"$project": {"place": 1, "before": 1, "within": 1}},
    ]  # fmt: skip


def _lookup(
    collection: str, name: str, since: Document, then: list[Document], until: Document | None = None
) -> Document:
    own = [{"$eq": ["$station_id", "$$station_id"]}, {"$eq": ["$fuel", "$$fuel"]}, since, *([until] if until else [])]
    return {
        "$lookup": {
            "from": collection, "as": name, "let": {field: f"${field}" for field in Asked._fields},
            "pipeline": [{"$match": {"$expr": {"$and": own}}}, *then],
        }
    }  # fmt: skip


def _said(row: Mapping[str, Any]) -> Said:
    before = [change for day in row["before"] for change in day["changes"][-1:]]
    within = [change for day in row["within"] for change in day["changes"]]
    return Said([*before, *within], {day["day"].date(): day["confirmations"] for day in row["within"]})
