"""What the service does about pumps."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.problems import Problem
from stations.domain.pumps import MAX_PUMPS, Pump, PumpReport, ReportIsLate, TooManyPumps
from stations.domain.stations import Change, Station, StationIsClosed
from stations.repository.pumps import PumpRepository
from stations.repository.stations import Session, StationRepository
from stations.use_cases.access import station_of, stored_now

Verdict = Literal["changed", "unchanged", "superseded"]
CLOCKS_MAY_DIFFER = timedelta(minutes=5)
"""A report of a time further ahead would turn away what truly happens until then."""


async def set_pump(
    stations: StationRepository, pumps: PumpRepository, principal: Principal, station_id: UUID, report: PumpReport
) -> tuple[Pump, Verdict]:
    """The pump as it is now, and what the report did to it. Raises Problem 403, 404, 409, 422."""
    now = stored_now()
    if report.occurred_at and report.occurred_at > now + CLOCKS_MAY_DIFFER:
        raise Problem(422, "occurred-in-future", "occurred_at is more than 5 minutes ahead: set the sender's clock.")

    async def apply(tx: Session) -> tuple[Pump, Verdict]:
        station = await station_of(stations, tx, principal, station_id, Permission.PUMPS_WRITE)
        try:
            change = _reported(station, report, now)
        except ReportIsLate:
            return _pump(station, report), "superseded"
        if change.events:
            await stations.save(tx, [change])
        elif change.station != station:
            await pumps.note_report(tx, station_id, report.pump_id, report.occurred_at)
        return _pump(change.station, report), "changed" if change.events else "unchanged"

    return await stations.transact(apply)


def _reported(station: Station, report: PumpReport, now: datetime) -> Change:
    """The change that a report makes. Raises ReportIsLate, Problem 409."""
    try:
        return station.with_pump(report, now)
    except StationIsClosed as error:
        raise Problem(409, "station-closed", "The station closed for good; its pumps do not change.") from error
    except TooManyPumps as error:
        raise Problem(409, "too-many-pumps", f"The station has {MAX_PUMPS} pumps; use one of their ids.") from error


def _pump(station: Station, report: PumpReport) -> Pump:
    return next(pump for pump in station.pumps if pump.pump_id == report.pump_id)
