"""The stations that change: loading, saving with their events, and the read model of prices."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar
from uuid import UUID

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import UpdateOne

from schemas.vocabulary import Fuel
from servicekit.envelope import to_records
from servicekit.mongo import MongoStore
from stations.domain.prices import News
from stations.domain.stations import Change, Pump, Station

Session = AsyncIOMotorClientSession
Result = TypeVar("Result")
Document = dict[str, Any]

STATION_FIELDS = (
    "operator", "external_id", "version", "profile", "pumps", "registered_at", "updated_at", "closed_at",
    "closed_reason",
)  # fmt: skip
PRICE_VERSIONS = {f"prices.{fuel.value}.version": True for fuel in Fuel}


class StationRepository:
    """Stations for the use cases that change them; every call is part of the caller's transaction."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._stations = store.database.stations

    async def transact(self, work: Callable[[Session], Awaitable[Result]]) -> Result:
        """See servicekit.store.Store.transact."""
        return await self._store.transact(work)

    async def of_operator(self, tx: Session, operator: str, external_ids: Sequence[str]) -> dict[str, Station]:
        """The operator's stations among these ids, by external id."""
        wanted = {"operator": operator, "external_id": {"$in": list(external_ids)}}
        documents = await self._stations.find(wanted, STATION_FIELDS, session=tx).to_list(None)
        return {document["external_id"]: _station(document) for document in documents}

    async def get(self, tx: Session, station_id: UUID) -> Station | None:
        """The station, or None."""
        document = await self._stations.find_one({"_id": station_id}, STATION_FIELDS, session=tx)
        return _station(document) if document else None

    async def save(self, tx: Session, changes: Sequence[Change]) -> None:
        """Writes the stations that changed, and then their events into the outbox."""
        events = [event for change in changes for event in change.events]
        if not events:
            return
        writes = [_write(change.station) for change in changes if change.events]
        await self._stations.bulk_write(writes, ordered=False, session=tx)
        await self._store.append_to_outbox(tx, to_records(events))

    async def price_versions(self, tx: Session, station_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
        """Of those of the stations that are known, the version of each grade's price."""
        found = self._stations.find({"_id": {"$in": list(station_ids)}}, PRICE_VERSIONS, session=tx)
        return {
            document["_id"]: {fuel: price["version"] for fuel, price in document["prices"].items()}
            for document in await found.to_list(None)
        }

    async def save_prices(self, tx: Session, news: News) -> None:
        """Writes newer prices into the read model, one update per station."""
        if news:
            writes = [
                UpdateOne({"_id": station_id}, {"$set": {f"prices.{fuel}": price for fuel, price in prices.items()}})
                for station_id, prices in news.items()
            ]
            await self._stations.bulk_write(writes, ordered=False, session=tx)


def search_text(profile: Mapping[str, Any]) -> str:
    """What the search by text looks into: name, brand, city and post code in one case, a line each."""
    address = profile["address"]
    parts = (profile["name"], profile["brand"], address["city"], address["post_code"])
    return "\n".join(folded(part) for part in parts if part)


def folded(text: str) -> str:
    """Text as searches compare it."""
    return text.casefold()


def _write(station: Station) -> UpdateOne:
    fields = {name: getattr(station, name) for name in STATION_FIELDS}
    fields["pumps"] = [asdict(pump) for pump in station.pumps]
    profile = station.profile
    derived = {
        "location": {"type": "Point", "coordinates": [profile["lon"], profile["lat"]]},
        "search_text": search_text(profile),
        "brand_folded": folded(profile["brand"]) if profile["brand"] else None,
    }
    return UpdateOne({"_id": station.id}, {"$set": fields | derived, "$setOnInsert": {"prices": {}}}, upsert=True)


def _station(document: Document) -> Station:
    fields: dict[str, Any] = {name: document[name] for name in STATION_FIELDS}
    fields["pumps"] = tuple(Pump(**pump) for pump in document["pumps"])
    return Station(document["_id"], **fields)
