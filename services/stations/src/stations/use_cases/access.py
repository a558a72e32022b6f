"""What the use cases share: the station that is asked for, if the caller may touch it, and the time."""

from datetime import UTC, datetime
from uuid import UUID

from servicekit.auth import Principal
from servicekit.problems import Problem
from stations.domain.stations import Station
from stations.repository.stations import Session, StationRepository
from stations.use_cases.search import no_such_station


async def station_of(stations: StationRepository, tx: Session, principal: Principal, station_id: UUID) -> Station:
    """The station, if the principal may act for it. Raises Problem 403, 404."""
    station = await stations.get(tx, station_id)
    if station is None:
        raise no_such_station()
    if not principal.may_act_for(str(station_id), station.operator):
        raise Problem(403, "not-your-station", "Your access token is not bound to this station or its operator.")
    return station


def stored_now() -> datetime:
    """Now, as exactly as MongoDB keeps it: replies and events then say the same as what is stored."""
    return in_milliseconds(datetime.now(UTC))


def in_milliseconds(moment: datetime) -> datetime:
    """The moment as exactly as MongoDB keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
