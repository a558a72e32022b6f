"""What the service does about the profile of a single station, with the judgement that imports have."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.ids import new_id
from servicekit.problems import Problem
from stations.domain.profile import Refusal, StationRow, patched
from stations.domain.pumps import MAX_PUMPS, TooManyPumps
from stations.domain.stations import Change, Station, StationIsClosed, register
from stations.repository.stations import Session, StationRepository
from stations.use_cases.access import station_of, stored_now


async def register_station(stations: StationRepository, operator: str, row: StationRow) -> UUID:
    """The id of the new station. Raises Problem 409 where the operator has one with this external id."""
    now, station_id = stored_now(), new_id()

    async def apply(tx: Session) -> UUID:
        if known := (await stations.of_operator(tx, operator, [row.external_id])).get(row.external_id):
            detail = "The operator has a station with this external_id; PATCH /v1/stations/{station_id} changes it."
            raise Problem(409, "station-exists", detail, station_id=known.id)
        await stations.save(tx, [register(station_id, operator, row, now)])
        return station_id

    return await stations.transact(apply)


async def change_station(
    stations: StationRepository, principal: Principal, station_id: UUID, patch: Mapping[str, Any], version: int | None
) -> None:
    """Changes what the patch names, if the station still has the version. Raises Problem 403, 404, 409, 422."""
    now = stored_now()

    async def apply(tx: Session) -> None:
        station = await station_of(stations, tx, principal, station_id, Permission.STATIONS_WRITE)
        if version not in (None, station.version):
            detail = f"The station has version {station.version} by now; read it again and say what should change."
            raise Problem(409, "station-changed", detail, version=station.version)
        row = patched(station.external_id, station.profile, patch)
        if isinstance(row, Refusal):
            raise Problem(422, "station-refused", f"The station would be wrong: {row.detail}.", reason=row.reason)
        await stations.save(tx, [_revised(station, row, now)])

    await stations.transact(apply)


def _revised(station: Station, row: StationRow, now: datetime) -> Change:
    """The change to what the row says. Raises Problem 409."""
    try:
        return station.revised(row, now)
    except StationIsClosed as error:
        raise Problem(409, "station-closed", "The station closed for good; it does not change any more.") from error
    except TooManyPumps as error:
        raise Problem(409, "too-many-pumps", f"With these pumps it would have more than {MAX_PUMPS}.") from error
