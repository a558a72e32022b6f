"""What the service does about pumps."""

from collections.abc import Sequence
from uuid import UUID

from schemas.vocabulary import Fuel, PumpStatus
from servicekit.auth import Principal
from servicekit.problems import Problem
from stations.domain.stations import MAX_PUMPS, Pump, StationIsClosed, TooManyPumps
from stations.repository.stations import Session, StationRepository
from stations.use_cases.access import station_of, stored_now


async def set_pump(
    stations: StationRepository, principal: Principal, station_id: UUID, pump_id: str, status: PumpStatus,
    fuels: Sequence[Fuel],
) -> Pump:  # fmt: skip
    """The pump as it is now, new or changed. Raises Problem 403, 404, 409."""
    now, names = stored_now(), [fuel.value for fuel in fuels]

    async def apply(tx: Session) -> Pump:
        station = await station_of(stations, tx, principal, station_id)
        try:
            change = station.with_pump(pump_id, status, names, now)
        except StationIsClosed as error:
            raise Problem(409, "station-closed", "The station closed for good; its pumps do not change.") from error
        except TooManyPumps as error:
            raise Problem(409, "too-many-pumps", f"The station has {MAX_PUMPS} pumps; use one of their ids.") from error
        await stations.save(tx, [change])
        return next(pump for pump in change.station.pumps if pump.pump_id == pump_id)

    return await stations.transact(apply)
