"""What readers ask of the stored stations: lists, one station, and all of them for the index."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from servicekit.mongo import MongoStore
from stations.domain.box import BoundingBox
from stations.domain.index.grades import Price, stored_price
from stations.domain.stations import Station
from stations.domain.text import folded, query_words
from stations.repository.stations import STATION_FIELDS, Document, stored_station

SHOWN = {"location": False, "words": False, "brand_folded": False, "pumps": False}
INDEXED = (*STATION_FIELDS, "prices")
BATCH = 2_000
STILL_OPEN: Document = {"closed_at": None}
Found = tuple[Station, dict[str, Price]]


class Position(NamedTuple):
    """Where a page ended: the rank of its last station, and its id."""

    rank: int
    station_id: UUID


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the stations: by id, and with a text those first whose name or brand it fits best."""

    box: BoundingBox | None = None
    text: str | None = None
    brand: str | None = None
    operator: str | None = None
    after: Position | None = None
    limit: int = 20


class StationSearch:
    """Reads of the store. Raises StoreUnavailable when the database is away."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._stations = store.database.stations

    async def page(self, listing: Listing) -> list[tuple[Position, Document]]:
        """Up to `limit` + 1 stations: one more than asked for shows that there is a next page."""
        found: list[tuple[Position, Document]] = []
        first = listing.after.rank if listing.after else 0
        async with self._store.available():
            for rank, condition in list(enumerate(_ranks(listing.text)))[first:]:
                conditions: list[Document] = [_listing_filter(listing), condition]
                if listing.after and rank == first:
                    conditions.append({"_id": {"$gt": listing.after.station_id}})
                missing = listing.limit + 1 - len(found)
                cursor = self._stations.find({"$and": conditions}, SHOWN).sort("_id", 1).limit(missing)
                found += [(Position(rank, document["_id"]), document) for document in await cursor.to_list(None)]
                if len(found) > listing.limit:
                    break
        return found

    async def station(self, station_id: UUID) -> Document | None:
        """The station with all that is stored of it, closed or not."""
        async with self._store.available():
            return await self._stations.find_one({"_id": station_id})

    async def everything(self) -> AsyncIterator[list[Found]]:
        """All stations with their prices, batch by batch, closed ones too."""
        async with self._store.available():
            cursor = self._stations.find({}, INDEXED, batch_size=BATCH)
            while documents := await cursor.to_list(BATCH):
                yield [_found(document) for document in documents]

    async def some(self, station_ids: Sequence[UUID]) -> list[Found]:
        """Those of the stations that there are, with their prices."""
        async with self._store.available():
            documents = await self._stations.find({"_id": {"$in": list(station_ids)}}, INDEXED).to_list(None)
        return [_found(document) for document in documents]


def _found(document: Document) -> Found:
    return stored_station(document), {fuel: stored_price(price) for fuel, price in document["prices"].items()}


def _ranks(text: str | None) -> list[Document]:
    """One condition for each rank, the best first; each leaves out what the ones before it found.

    A name or brand that has all the words comes before one that has words that begin so; then come all others,
    in which some words are of the address.
    """
    if text is None:
        return [{}]
    sought = query_words(text)
    if not sought:
        return []
    whole: Document = {"words": {"$all": [f"*{word}" for word in sought]}}
    begun = _all_begin([f"*{word}" for word in sought])
    return [whole, {**begun, "$nor": [whole]}, {**_all_begin(sought), "$nor": [begun]}]


def _all_begin(words: Sequence[str]) -> Document:
    return {"$and": [{"words": {"$regex": f"^{re.escape(word)}"}} for word in words]}


def _listing_filter(listing: Listing) -> Document:
    conditions = dict(STILL_OPEN)
    if listing.box is not None:
        conditions |= _inside(listing.box)
    if listing.brand is not None:
        conditions["brand_folded"] = folded(listing.brand)
    if listing.operator is not None:
        conditions["operator"] = listing.operator
    return conditions


def _inside(box: BoundingBox) -> Document:
    """Plain comparisons of degrees: the sides of a box on a map are no great circles."""
    east_of, west_of = {"profile.lon": {"$gte": box.west}}, {"profile.lon": {"$lte": box.east}}
    between: Any = {"$or" if box.crosses_antimeridian else "$and": [east_of, west_of]}
    return {"profile.lat": {"$gte": box.south, "$lte": box.north}, **between}
