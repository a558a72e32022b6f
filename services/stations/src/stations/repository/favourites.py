"""Drivers' favourites: one document each, so that its bound holds and all of it goes at once."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from servicekit.mongo import MongoStore
from stations.domain.favourites import Favourite, Favourites
from stations.repository.stations import Document, Session

NOT_SHOWN = {"location": False, "words": False, "brand_folded": False, "pumps": False}


class FavouriteRepository:
    """Favourites for the use cases; reads without a transaction see what is committed."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._favourites = store.database.favourites
        self._stations = store.database.stations

    async def of_driver(self, driver: str, tx: Session | None = None) -> Favourites:
        """All of the driver, none where the driver never had one."""
        async with self._store.available():
            document = await self._favourites.find_one({"_id": driver}, session=tx)
        return Favourites(driver, tuple(Favourite(**one) for one in document["stations"]) if document else ())

    async def save(self, tx: Session, favourites: Favourites) -> None:
        """Writes all of one driver."""
        document = {"stations": [asdict(one) for one in favourites.stations]}
        await self._favourites.replace_one({"_id": favourites.driver}, document, upsert=True, session=tx)

    async def stations(self, station_ids: Sequence[UUID]) -> dict[UUID, Document]:
        """The stations as they are stored, by id."""
        async with self._store.available():
            found = await self._stations.find({"_id": {"$in": list(station_ids)}}, NOT_SHOWN).to_list(None)
        return {document["_id"]: document for document in found}
