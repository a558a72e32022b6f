"""What the use cases share: the station that is asked for, if the caller may touch it, and the time."""

from datetime import UTC, datetime
from uuid import UUID

from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.problems import Problem
from stations.domain.stations import Station
from stations.repository.stations import Session, StationRepository
from stations.use_cases.search import no_such_station


def require_operator(principal: Principal, operator: str) -> None:
    """Raises Problem 403 where the principal may not register and edit the operator's stations."""
    operators, _ = principal.bindings(Permission.STATIONS_WRITE)
    if operator not in operators:
        raise Problem(403, "not-your-operator", "Your access token is not bound to this operator.")


async def station_of(
    stations: StationRepository, tx: Session, principal: Principal, station_id: UUID, permission: Permission
) -> Station:
    """The station, if the principal may do this there. Raises Problem 403, 404."""
    station = await stations.get(tx, station_id)
    if station is None:
        raise no_such_station()
    if not principal.may_act_for(str(station_id), station.operator, permission):
        raise Problem(403, "not-your-station", "Your access token is not bound to this station or its operator.")
    return station


def stored_now() -> datetime:
    """Now, as exactly as MongoDB keeps it: replies and events then say the same as what is stored."""
    return in_milliseconds(datetime.now(UTC))


def in_milliseconds(moment: datetime) -> datetime:
    """The moment as exactly as MongoDB keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
