"""What is stored of pumps apart from the changes of a station."""

from datetime import datetime
from uuid import UUID

from servicekit.mongo import MongoStore
from stations.repository.stations import Session


class PumpRepository:
    """Pumps for the use cases; every call is part of the caller's transaction."""

    def __init__(self, store: MongoStore) -> None:
        self._stations = store.database.stations

    async def note_report(self, tx: Session, station_id: UUID, pump_id: str, reported_at: datetime | None) -> None:
        """Keeps of what time the last report of a pump was that changed nothing."""
        which = {"_id": station_id, "pumps.pump_id": pump_id}
        await self._stations.update_one(which, {"$set": {"pumps.$.reported_at": reported_at}}, session=tx)
