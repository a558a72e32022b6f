"""What is known of campaigns, and what their effects are told from: hours and points of stations, from their views."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from analytics.domain.campaign_report import GIVEN
from analytics.domain.campaign_windows import Window
from analytics.domain.campaigns import Campaign, campaign_of
from analytics.domain.folds.campaigns import Campaigns as View
from analytics.domain.folds.station_hours import StationHours, key_of
from analytics.domain.folds.station_points import StationPoints
from analytics.domain.grids import Grid
from analytics.domain.uplift import FIGURES
from analytics.domain.views import Document
from analytics.repository.views import Views
from schemas.vocabulary import Fuel

HIDDEN = {"_id": 0, "n": 0, "seen": 0}


class Campaigns:
    """Reads of the views `campaigns`, `station-hours` and `station-points`.

    Raises StoreUnavailable when the database is away."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def of_operator(self, operator: str, starts_at: datetime, ends_at: datetime) -> list[Campaign]:
        """Campaigns that hold at stations of the operator and may have held in the time, by id."""
        then = {  # on any terms that it had: the newest may have moved its times
            "holds": True, "starts_at": {"$lt": ends_at}, "$or": [{"ends_at": None}, {"ends_at": {"$gt": starts_at}}]
        }  # fmt: skip
        theirs = {"operators": {"$in": [operator, None]}, "changes": {"$elemMatch": then}}
        found = [campaign_of(document) for document in await self._find(theirs)]
        return [one for one in found if one.within(starts_at, ends_at)]

    async def named(self, campaign_ids: Collection[str]) -> list[Campaign]:
        """The campaigns with these ids of which something is known."""
        found = await self._find({"_id": {"$in": list(campaign_ids)}})
        return [campaign_of(document) for document in found]

    async def sold(
        self, station_id: UUID, currency: str, starts_at: datetime, ends_at: datetime, fields: Sequence[str]
    ) -> list[Document]:
        """The hours of a station that begin in the time and in which something happened: these fields of them."""
        within = {
            "_id": {"$gte": key_of(station_id, starts_at, ""), "$lt": key_of(station_id, ends_at, "~")},
            "begins_at": {"$gte": starts_at, "$lt": ends_at}, "currency": currency,
        }  # fmt: skip
        async with self._views.store.available():
            collection = await self._views.collection(StationHours.name)
            return await collection.find(within, {"_id": 0, **dict.fromkeys(fields, 1)}).to_list(None)

    async def sold_together(self, stations: Collection[UUID], currency: str, window: Window) -> list[Document]:
        """The hours of stations as those of one, over a campaign's window: what `Window.effect` asks of its own."""
        campaign_id = str(window.campaign.campaign_id)
        fuels = [fuel for fuel in window.campaign.fuels or () if fuel in set(Fuel)]
        paths = {name: name for name in FIGURES} | {"given": f"campaigns.{campaign_id}.discount_minor"}
        paths |= {f"{fuel}_{name}": f"fuels.{fuel}.{name}" for fuel in fuels for name in FIGURES}
        hours = await self._sums(
            StationHours.name, stations, window.grid.begins_at, window.grid.ends_at, "$begins_at", paths,
            currency=currency,
        )  # fmt: skip
        return [
            {
                "begins_at": hour["_id"], **{name: hour[name] for name in FIGURES},
                "campaigns": {campaign_id: {"discount_minor": hour["given"]}},
                "fuels": {fuel: {name: hour[f"{fuel}_{name}"] for name in FIGURES} for fuel in fuels},
            }
            for hour in hours
        ]  # fmt: skip

    async def open_days(self, stations: Collection[UUID], currency: str, grid: Grid) -> dict[UUID, set[date]]:
        """On which days of a grid each of the stations sold something, by its clock."""
        within = {
            "station_id": {"$in": list(stations)}, "begins_at": {"$gte": grid.begins_at, "$lt": grid.ends_at},
            "currency": currency, "orders": {"$gt": 0},
        }  # fmt: skip
        day = {"$dateTrunc": {"date": "$begins_at", "unit": "day", "timezone": grid.zone.key}}
        async with self._views.store.available():
            collection = await self._views.collection(StationHours.name)
            days = {"$group": {"_id": "$station_id", "days": {"$addToSet": day}}}
            found = await collection.aggregate([{"$match": within}, days]).to_list(None)
        return {one["_id"]: {at.astimezone(grid.zone).date() for at in one["days"]} for one in found}

    async def given_together(
        self, stations: Collection[UUID], currency: str, starts_at: datetime, ends_at: datetime, campaign_id: UUID
    ) -> Document:
        """What a campaign gave at all of these stations in the time: GIVEN, `accruals` and `points`."""
        given, got = (
            {name: f"campaigns.{campaign_id}.{name}" for name in names} for names in (GIVEN, ("accruals", "points"))
        )
        sold = await self._sums(StationHours.name, stations, starts_at, ends_at, None, given, currency=currency)
        points = await self._sums(StationPoints.name, stations, starts_at, ends_at, None, got)
        return dict.fromkeys((*given, *got), 0) | (sold[0] if sold else {}) | (points[0] if points else {})

    async def _sums(
        self, view: str, stations: Collection[UUID], starts_at: datetime, ends_at: datetime, by: str | None,
        paths: Mapping[str, str], **matching: str,
    ) -> list[Document]:  # fmt: skip
        """Sums over hours of stations, of numbers that lie at these paths, where they are."""
        within = {
            "station_id": {"$in": list(stations)}, "begins_at": {"$gte": starts_at, "$lt": ends_at}, **matching
        }  # fmt: skip
        sums = {"_id": by, **{name: {"$sum": f"${path}"} for name, path in paths.items()}}
        async with self._views.store.available():
            collection = await self._views.collection(view)
            return await collection.aggregate([{"$match": within}, {"$group": sums}]).to_list(None)

    async def points(self, station_id: UUID, starts_at: datetime, ends_at: datetime) -> list[Document]:
        """The hours that begin in the time in which drivers got points at the station."""
        within = {"station_id": station_id, "begins_at": {"$gte": starts_at, "$lt": ends_at}}
        async with self._views.store.available():
            collection = await self._views.collection(StationPoints.name)
            return await collection.find(within, HIDDEN).sort("_id", 1).to_list(None)

    async def _find(self, matching: Document) -> list[Document]:
        async with self._views.store.available():
            collection = await self._views.collection(View.name)
            return await collection.find(matching, HIDDEN).sort("_id", 1).to_list(None)
