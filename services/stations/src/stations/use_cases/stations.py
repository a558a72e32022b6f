"""What the service does: one function per use case."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from schemas.events import PriceChangedV1
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.telemetry import UNKNOWN_STATIONS
from stations.domain.prices import newer_prices
from stations.domain.profile import Reason, Refusal, StationRow, judge
from stations.domain.stations import MAX_PUMPS, Change, Station, StationIsClosed, TooManyPumps, register
from stations.repository.stations import Session, StationRepository
from stations.use_cases.access import station_of, stored_now

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one row of an import; `station_id` is None for a rejected row."""

    index: int
    external_id: str | None
    verdict: Literal["created", "updated", "unchanged", "rejected"]
    station_id: UUID | None = None
    reason: Reason | None = None
    detail: str | None = None


async def import_stations(stations: StationRepository, operator: str, rows: Sequence[object]) -> list[Verdict]:
    """Takes the good rows in one transaction and says what became of each; the same rows again change nothing."""
    judged, now = judge(rows), stored_now()
    good = [row.external_id for row in judged if isinstance(row, StationRow)]
    new_ids = {external_id: new_id() for external_id in good}

    async def apply(tx: Session) -> list[Verdict]:
        known = await stations.of_operator(tx, operator, good)
        changes: list[Change] = []
        verdicts: list[Verdict] = []
        for index, row in enumerate(judged):
            if isinstance(row, Refusal):
                verdicts.append(_rejected(index, row))
            elif (station := known.get(row.external_id)) is None:
                changes.append(register(new_ids[row.external_id], operator, row, now))
                verdicts.append(Verdict(index, row.external_id, "created", changes[-1].station.id))
            else:
                verdicts.append(_revise(index, row, station, now, changes))
        await stations.save(tx, changes)
        return verdicts

    return await stations.transact(apply)


def _rejected(index: int, refusal: Refusal) -> Verdict:
    return Verdict(index, refusal.external_id, "rejected", None, refusal.reason, refusal.detail)


def _revise(index: int, row: StationRow, station: Station, now: datetime, changes: list[Change]) -> Verdict:
    """The verdict on a row of a known station; its change, if there is one, is added to `changes`."""
    try:
        change = station.revised(row, now)
    except StationIsClosed:
        detail = "the station closed for good; a new station at its place needs a new external_id"
        return _rejected(index, Refusal(row.external_id, "station_closed", detail))
    except TooManyPumps:
        detail = f"with these pumps the station would have more than {MAX_PUMPS}"
        return _rejected(index, Refusal(row.external_id, "too_long", detail))
    changes.append(change)
    return Verdict(index, row.external_id, "updated" if change.events else "unchanged", station.id)


async def record_prices(stations: StationRepository, tx: Session, received: Sequence[Received]) -> None:
    """Brings the read model up to date with a batch of PriceChanged."""
    changes: list[tuple[PriceChangedV1, datetime]] = [(one.event, one.message.published_at) for one in received]
    wanted = {event.station_id for event, _ in changes}
    known = await stations.price_versions(tx, list(wanted))
    if unknown := wanted - known.keys():
        log.warning("prices of unknown stations ignored", extra={"stations": len(unknown), "one": str(min(unknown))})
        UNKNOWN_STATIONS.labels("stations").inc(len(unknown))
    await stations.save_prices(tx, newer_prices(known, changes))


async def record_confirmations(stations: StationRepository, tx: Session, received: Sequence[Received]) -> None:
    """Notes which prices were said again."""
    confirmed: dict[tuple[UUID, str, int], datetime] = {}
    for event in (one.event for one in received):
        price = event.station_id, event.fuel.value, event.version
        confirmed[price] = max(event.confirmed_at, confirmed.get(price, event.confirmed_at))
    await stations.confirm_prices(tx, confirmed)


async def close_station(
    stations: StationRepository, principal: Principal, station_id: UUID, reason: str | None
) -> Station:
    """Closes the station for good; again, it changes nothing. Raises Problem 403, 404."""
    now = stored_now()

    async def apply(tx: Session) -> Station:
        change = (await station_of(stations, tx, principal, station_id, Permission.STATIONS_WRITE)).closed(reason, now)
        await stations.save(tx, [change])
        return change.station

    return await stations.transact(apply)
