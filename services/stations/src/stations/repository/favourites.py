"""Drivers' favourites: one document each, so that its bound holds and all of it goes at once; notes are sealed."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.mongo import MongoStore
from servicekit.vault import Box, Vault
from stations.domain.favourites import Favourite, Favourites
from stations.repository.stations import Document, Session

NOT_SHOWN = {"location": False, "words": False, "brand_folded": False, "pumps": False}


class FavouriteRepository:
    """Favourites for the use cases; reads without a transaction see what is committed."""

    def __init__(self, store: MongoStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._favourites = store.database.favourites
        self._stations = store.database.stations

    async def of_driver(self, driver: str, tx: Session | None = None) -> Favourites:
        """All of the driver, none where the driver never had one."""
        async with self._store.available():
            document = await self._favourites.find_one({"_id": driver}, session=tx)
            if document is None:
                return Favourites(driver)
            box = (await self._vault.boxes(tx, [driver])).get(driver)
        return Favourites(driver, tuple(_opened(one, box) for one in document["stations"]))

    async def save(self, tx: Session, favourites: Favourites) -> None:
        """Writes all of one driver."""
        box = await self._vault.box(tx, favourites.driver)
        document = {"stations": [_sealed(one, box) for one in favourites.stations]}
        await self._favourites.replace_one({"_id": favourites.driver}, document, upsert=True, session=tx)

    async def delete(self, tx: Session, driver: str) -> int:
        """Deletes all of one driver; how many there were."""
        document = await self._favourites.find_one_and_delete({"_id": driver}, session=tx)
        return len(document["stations"]) if document else 0

    async def stations(self, station_ids: Sequence[UUID]) -> dict[UUID, Document]:
        """The stations as they are stored, by id."""
        async with self._store.available():
            found = await self._stations.find({"_id": {"$in": list(station_ids)}}, NOT_SHOWN).to_list(None)
        return {document["_id"]: document for document in found}


def _sealed(favourite: Favourite, box: Box) -> Document:
    note = favourite.note
    return {
        "station_id": favourite.station_id, "added_at": favourite.added_at,
        "note": box.seal(note, note_context(favourite.station_id)) if note is not None else None,
    }  # fmt: skip


def _opened(stored: Document, box: Box | None) -> Favourite:
    """The favourite; without the driver's key there is no note."""
    station_id, note = stored["station_id"], stored["note"]
    text = box.open(note, note_context(station_id)) if box and note is not None else None
    return Favourite(station_id, text, stored["added_at"])


def note_context(station_id: UUID) -> str:
    """What a note is sealed for."""
    return f"favourites.note|{station_id}"
