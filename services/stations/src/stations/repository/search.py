"""The searches: what readers ask of the stations, as queries."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from motor.motor_asyncio import AsyncIOMotorCommandCursor

from schemas.vocabulary import Fuel
from servicekit.mongo import MongoStore
from stations.repository.stations import Document, folded

SHOWN = {"location": False, "search_text": False, "brand_folded": False, "pumps": False}
BATCH = 100
"""Enough for most answers at once; a larger one reads stations that nobody needs."""
STILL_OPEN = {"closed_at": None}


@dataclass(frozen=True, slots=True)
class Nearby:
    """A search around a place; `sort` by price needs a fuel."""

    lat: float
    lon: float
    radius_m: int
    fuel: Fuel | None = None
    sort: Literal["distance", "price"] = "distance"
    brand: str | None = None
    facilities: Sequence[str] = ()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """Degrees; where `west` is greater than `east` the box crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the stations, in the order of their ids; `after` is the last id of the page before."""

    box: BoundingBox | None = None
    text: str | None = None
    brand: str | None = None
    operator: str | None = None
    after: UUID | None = None
    limit: int = 20


class StationSearch:
    """Reads for the searches. Raises StoreUnavailable when the database is away."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._stations = store.database.stations

    async def nearby(self, wanted: Nearby) -> list[Document]:
        """The first `limit` stations, each with its distance in metres as `distance_m`."""
        async with self._store.available():
            return await self._stations.aggregate([*_nearby_pipeline(wanted), {"$limit": wanted.limit}]).to_list(None)

    async def nearby_if(self, wanted: Nearby, keep: Callable[[Document], bool]) -> list[Document]:
        """As `nearby`, of those stations that `keep` accepts, however far down they are."""
        async with self._store.available():
            cursor = self._stations.aggregate(_nearby_pipeline(wanted), batchSize=BATCH)
            return await _first(cursor, keep, wanted.limit)

    async def page(self, listing: Listing) -> list[Document]:
        """Up to `limit` + 1 stations: one more than asked for shows that there is a next page."""
        async with self._store.available():
            found = self._stations.find(_listing_filter(listing), SHOWN).sort("_id", 1).limit(listing.limit + 1)
            return await found.to_list(None)

    async def station(self, station_id: UUID) -> Document | None:
        """The station with all that is stored of it, closed or not."""
        async with self._store.available():
            return await self._stations.find_one({"_id": station_id})


async def _first(
    cursor: AsyncIOMotorCommandCursor[Document], keep: Callable[[Document], bool], limit: int
) -> list[Document]:
    kept: list[Document] = []
    try:
        async for document in cursor:
            if keep(document):
                kept.append(document)
                if len(kept) == limit:
                    break
    finally:
        await cursor.close()
    return kept


def _nearby_pipeline(wanted: Nearby) -> list[Document]:
    """Prices are compared within one currency only: near a border each currency's stations come together."""
    near = {
        "near": {"type": "Point", "coordinates": [wanted.lon, wanted.lat]}, "distanceField": "distance_m",
        "maxDistance": wanted.radius_m, "query": _nearby_filter(wanted), "key": "location", "spherical": True,
    }  # fmt: skip
    pipeline: list[Document] = [{"$geoNear": near}]
    if wanted.sort == "price" and wanted.fuel is not None:
        price = f"prices.{wanted.fuel.value}"
        pipeline.append({"$sort": {f"{price}.currency": 1, f"{price}.price_mills": 1, "distance_m": 1, "_id": 1}})
    prices = f"prices.{wanted.fuel.value}" if wanted.fuel else "prices"
    return [*pipeline, {"$project": dict.fromkeys(("operator", "profile", "distance_m", prices), True)}]


def _nearby_filter(wanted: Nearby) -> Document:
    conditions: Document = dict(STILL_OPEN)
    if wanted.fuel is not None:
        conditions[f"prices.{wanted.fuel.value}.price_mills"] = {"$gt": 0}
    if wanted.brand is not None:
        conditions["brand_folded"] = folded(wanted.brand)
    if wanted.facilities:
        conditions["profile.facilities"] = {"$all": list(wanted.facilities)}
    return conditions


def _listing_filter(listing: Listing) -> Document:
    conditions: Document = dict(STILL_OPEN)
    if listing.box is not None:
        conditions |= _inside(listing.box)
    if listing.text is not None:
        conditions["search_text"] = {"$regex": re.escape(folded(listing.text))}
    if listing.brand is not None:
        conditions["brand_folded"] = folded(listing.brand)
    if listing.operator is not None:
        conditions["operator"] = listing.operator
    if listing.after is not None:
        conditions["_id"] = {"$gt": listing.after}
    return conditions


def _inside(box: BoundingBox) -> Document:
    """Plain comparisons of degrees: the sides of a box on a map are no great circles."""
    east_of, west_of = {"profile.lon": {"$gte": box.west}}, {"profile.lon": {"$lte": box.east}}
    between: Any = {"$and" if box.west <= box.east else "$or": [east_of, west_of]}
    return {"profile.lat": {"$gte": box.south, "$lte": box.north}, **between}
