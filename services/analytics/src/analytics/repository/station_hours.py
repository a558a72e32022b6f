"""What stations sold, read from the view of their hours; and when drivers came to a station for the first time."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from analytics.domain.folds.station_drivers import StationDrivers
from analytics.domain.folds.station_hours import StationHours as View
from analytics.domain.folds.station_hours import key_of
from analytics.domain.periods import Period
from analytics.domain.sales import SUMS
from analytics.domain.views import Document
from analytics.repository.views import Views

PARTS: Mapping[str, Sequence[str]] = {
    "fuels": ("orders", "volume_ml", "gross_minor", "paid_minor"), "methods": ("orders", "paid_minor"),
    "discounts": ("orders", "discount_minor"),
}  # fmt: skip
FIELDS = ("begins_at", *SUMS, *PARTS, "drivers")


class StationHours:
    """Reads of the views `station-hours` and `station-drivers`. Raises StoreUnavailable when the database is away."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def hours(self, station_id: UUID, currency: str, period: Period) -> list[Document]:
        """The hours of a station in which something happened: FIELDS of the view's documents."""
        async with self._views.store.available():
            collection = await self._views.collection(View.name)
            found = collection.find(_within(station_id, currency, period), {"_id": 0, **dict.fromkeys(FIELDS, 1)})
            return await found.to_list(None)

    async def days(self, station_id: UUID, currency: str, period: Period) -> dict[date, Document]:
        """The same, summed by the database for each day of the station in which something happened, with the number of
        its `new_drivers`: a report of days needs one line each, not thousands of hours."""
        day = _day_of(period.offsets, "$begins_at")
        within = {"$match": _within(station_id, currency, period)}
        sums = {"_id": day, **{name: {"$sum": f"${name}"} for name in SUMS}, "drivers": {"$push": "$drivers"}}
        first_hour = {"$dateTrunc": {"date": "$first_at", "unit": "hour"}}
        new = {"_id": _day_of(period.offsets, first_hour), "drivers": {"$sum": 1}}
        async with self._views.store.available():
            hours, drivers = [await self._views.collection(name) for name in (View.name, StationDrivers.name)]
            whole, parts, newcomers = await asyncio.gather(
                hours.aggregate([within, {"$group": sums}]).to_list(None),
                hours.aggregate([within, *_parts_by(day)]).to_list(None),
                drivers.aggregate([{"$match": _new(station_id, period)}, {"$group": new}]).to_list(None),
            )
        new_drivers = {one["_id"]: one["drivers"] for one in newcomers}
        days: dict[datetime, Document] = {
            one["_id"]: one | {part: {} for part in PARTS}
            | {"drivers": b"".join(one["drivers"]), "new_drivers": new_drivers.get(one["_id"], 0)}
            for one in whole
        }  # fmt: skip
        for one in parts:
            place = one["_id"]
            days[place["day"]][place["part"]][place["name"]] = {name: one[name] for name in PARTS[place["part"]]}
        return {midnight.date(): one for midnight, one in days.items()}

    async def stations(self, station_ids: Sequence[UUID], period: Period) -> dict[tuple[UUID, str], Document]:
        """What each of these stations sold in the period, by station and currency; none where nothing happened."""
        within = {
            "station_id": {"$in": list(station_ids)},
            "begins_at": {"$gte": period.starts_at, "$lt": period.ends_at},
        }  # fmt: skip
        by_station = {"station_id": "$station_id", "currency": "$currency"}
        sums = {"_id": by_station, **{name: {"$sum": f"${name}"} for name in SUMS}}
        async with self._views.store.available():
            collection = await self._views.collection(View.name)
            found = await collection.aggregate([{"$match": within}, {"$group": sums}]).to_list(None)
        return {(one["_id"]["station_id"], one["_id"]["currency"]): one for one in found}

    async def newcomers(self, station_id: UUID, period: Period) -> list[datetime]:
        """When drivers paid at the station for the first time ever, of those who did so in hours of the period."""
        async with self._views.store.available():
            collection = await self._views.collection(StationDrivers.name)
            return [
                one["first_at"]
                async for one in collection.find(_new(station_id, period), {"_id": 0, "first_at": 1})
            ]  # fmt: skip


def _new(station_id: UUID, period: Period) -> Document:
    """By the hour of UTC in which a driver came first, which is of the day in which it begins, as in the books."""
    return {"station_id": station_id, "first_at": {"$gte": period.first_hour, "$lt": period.after_last_hour}}


def _within(station_id: UUID, currency: str, period: Period) -> Document:
    """By id, which begins with the station and the hour, so that no other index is read."""
    starts_at, ends_at = period.starts_at, period.ends_at
    return {
        "_id": {"$gte": key_of(station_id, starts_at, ""), "$lt": key_of(station_id, ends_at, "~")},
        "begins_at": {"$gte": starts_at, "$lt": ends_at}, "currency": currency,
    }  # fmt: skip


def _day_of(offsets: Sequence[tuple[datetime, timedelta]], moment: Any) -> Any:
    """The station's day of a moment, as the midnight of UTC of the same name: by our table of clocks, not MongoDB's."""

    def local(ahead: timedelta) -> Any:
        return {"$add": [moment, ahead // timedelta(milliseconds=1)]}

    *earlier, (_, last) = offsets
    branches = [{"case": {"$lt": [moment, until]}, "then": local(ahead)} for until, ahead in earlier]
    shown = {"$switch": {"branches": branches, "default": local(last)}} if branches else local(last)
    return {"$dateTrunc": {"date": shown, "unit": "day"}}


def _parts_by(day: Any) -> list[Document]:
    """Sums by day and part: grades, ways of paying and discounts by their names."""
    named = [
        {"$map": {
            "input": {"$objectToArray": f"${part}"},
            "in": {"part": part, "name": "$$this.k", "figures": "$$this.v"},
        }}
        for part in PARTS
    ]  # fmt: skip
    figures = {name for names in PARTS.values() for name in names}
    return [
        {"$project": {"_id": 0, "day": day, "parts": {"$concatArrays": named}}},
        {"$unwind": "$parts"},
        {"$group": {
            "_id": {"day": "$day", "part": "$parts.part", "name": "$parts.name"},
            **{name: {"$sum": f"$parts.figures.{name}"} for name in figures},
        }},
    ]  # fmt: skip
