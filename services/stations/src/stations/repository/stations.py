"""The stations that change: loading, saving with their events, and the read model of prices."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import UpdateOne

from schemas.vocabulary import Fuel
from servicekit.envelope import to_records
from servicekit.erasures import MongoErasures, require_present
from servicekit.mongo import MongoStore
from stations.domain.prices import News
from stations.domain.stations import Change, Pump, Station
from stations.domain.text import folded, words

Session = AsyncIOMotorClientSession
Result = TypeVar("Result")
Document = dict[str, Any]
Tell = Callable[[Iterable[Station]], None]
"""Told of stations as they were just stored."""

STATION_FIELDS = (
    "operator", "external_id", "version", "profile", "pumps", "registered_at", "updated_at", "closed_at",
    "closed_reason",
)  # fmt: skip
PRICE_VERSIONS = {f"prices.{fuel.value}.version": True for fuel in Fuel}


class StationRepository:
    """Stations for the use cases that change them; every call is part of the caller's transaction."""

    def __init__(self, store: MongoStore, tell: Tell = lambda stations: None) -> None:
        self._store = store
        self._stations = store.database.stations
        self._erasures = MongoErasures(store)
        self._tell = tell
        self._saved: dict[UUID, Station] = {}

    async def transact(self, work: Callable[[Session], Awaitable[Result]]) -> Result:
        """See servicekit.store.Store.transact; what the work saved is told once it is committed."""

        async def begun_anew(tx: Session) -> Result:
            self._saved.clear()
            return await work(tx)

        result = await self._store.transact(begun_anew)
        self._tell(self._saved.values())
        return result

    async def transact_for(self, driver: str, work: Callable[[Session], Awaitable[Result]]) -> Result:
        """The same for work that writes something of a driver. Raises Problem 401 where the driver is gone."""

        async def in_turn(tx: Session) -> Result:
            await require_present(self._erasures, tx, driver)
            return await work(tx)

        return await self.transact(in_turn)

    async def of_operator(self, tx: Session, operator: str, external_ids: Sequence[str]) -> dict[str, Station]:
        """The operator's stations among these ids, by external id."""
        wanted = {"operator": operator, "external_id": {"$in": list(external_ids)}}
        documents = await self._stations.find(wanted, STATION_FIELDS, session=tx).to_list(None)
        return {document["external_id"]: stored_station(document) for document in documents}

    async def get(self, tx: Session, station_id: UUID) -> Station | None:
        """The station, or None."""
        document = await self._stations.find_one({"_id": station_id}, STATION_FIELDS, session=tx)
        return stored_station(document) if document else None

    async def save(self, tx: Session, changes: Sequence[Change]) -> None:
        """Writes the stations that changed, and then their events into the outbox."""
        events = [event for change in changes for event in change.events]
        if not events:
            return
        writes = [_write(change.station) for change in changes if change.events]
        self._saved |= {change.station.id: change.station for change in changes if change.events}
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

    async def confirm_prices(self, tx: Session, confirmed: Mapping[tuple[UUID, str, int], datetime]) -> None:
        """Notes the latest time at which each price (station, grade, version) still held; other versions stay."""
        writes = [
            UpdateOne(
                {"_id": station_id, f"prices.{fuel}.version": version}, {"$max": {f"prices.{fuel}.confirmed_at": at}}
            )
            for (station_id, fuel, version), at in confirmed.items()
        ]
        if writes:
            await self._stations.bulk_write(writes, ordered=False, session=tx)


def searchable(profile: Mapping[str, Any]) -> Document:
    """The fields that the searches by text and brand look into: every word, those of name and brand with a * too."""
    name, brand, address = profile["name"], profile["brand"] or "", profile["address"]
    named = words(f"{name} {brand}")
    placed = words(" ".join(filter(None, address.values())))
    return {
        "words": sorted(named | placed | {f"*{word}" for word in named}),
        "brand_folded": folded(brand) if brand else None,
    }


def _write(station: Station) -> UpdateOne:
    update = {"$set": stored_fields(station), "$setOnInsert": {"prices": {}}}
    return UpdateOne({"_id": station.id}, update, upsert=True)


def stored_fields(station: Station) -> Document:
    """What is stored of a station beside its id and prices."""
    fields = {name: getattr(station, name) for name in STATION_FIELDS}
    fields["pumps"] = [asdict(pump) for pump in station.pumps]
    profile = station.profile
    derived = {
        "location": {"type": "Point", "coordinates": [profile["lon"], profile["lat"]]},
        **searchable(profile),
    }
    return fields | derived


def stored_station(document: Document) -> Station:
    """The station that a document holds."""
    fields: dict[str, Any] = {name: document[name] for name in STATION_FIELDS}
    fields["pumps"] = tuple(Pump(**pump) for pump in document["pumps"])
    return Station(document["_id"], **fields)
