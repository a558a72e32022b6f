"""Shifts: opened, looked at, closed once; what is paid belongs to exactly one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payments.domain.shifts import Meter, Shift, Till, summarise
from payments.repository import shifts as repository
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.price_book import station_for
from servicekit.problems import Problem

LATE = timedelta(days=7)
"""So long before its shift began a payment may have been made that becomes known only now."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the crew read off at the end."""

    meters: tuple[Meter, ...] = ()
    tills: tuple[Till, ...] = ()
    document: Mapping[str, Any] | None = None
    """The same as it was sent, to know it again."""


async def open_shift(tx: Connection, principal: Principal, station_id: UUID) -> tuple[Shift, bool]:
    """The open shift, and whether it is new: whoever has opened it may ask again. Raises Problem 404, 409."""
    station = await station_for(tx, principal, station_id, Permission.ORDERS_WRITE)
    shift = Shift(new_id(), station_id, station["operator"], station["currency"], principal.subject, datetime.now(UTC))
    if await repository.insert(tx, shift):
        return shift, True
    known = await repository.open_shift(tx, station_id)
    if known is None or known.opened_by != principal.subject:
        raise Problem(
            409, "shift-open", "The station has an open shift; close that one first.",
            shift_id=str(known.shift_id) if known else None,
        )  # fmt: skip
    return known, False


async def list_shifts(
    tx: Connection, principal: Principal, station_id: UUID, before: UUID | None, limit: int
) -> list[Shift]:
    """A station's shifts, the newest first. Raises Problem 404."""
    await station_for(tx, principal, station_id, Permission.ORDERS_WRITE)
    return await repository.of_station(tx, station_id, before, limit)


async def look_at_shift(tx: Connection, principal: Principal, shift_id: UUID) -> Shift:
    """The shift; one that is open yet with what it has so far. Raises Problem 404."""
    shift = _own(principal, await repository.find(tx, shift_id))
    if shift.summary is not None:
        return shift
    sales, refunds = await repository.unclaimed(tx, shift, await _since(tx, shift))
    return replace(shift, summary=summarise(sales, refunds, await repository.left(tx, shift.station_id)))


async def close_shift(tx: Connection, principal: Principal, shift_id: UUID, counted: Counted) -> Shift:
    """The closed shift with its summary; closed again with the same, it is as it was. Raises Problem 404, 409."""
    shift = _own(principal, await repository.lock(tx, shift_id))
    document = dict(counted.document or {})
    if shift.closed_at is not None:
        if document and document != shift.counted:
            raise Problem(409, "shift-closed", "The shift was closed with other counts; GET shows them.")
        return shift
    await repository.claim(tx, shift, await _since(tx, shift))
    sales, refunds = await repository.claimed(tx, shift)
    left = await repository.left(tx, shift.station_id)
    closed = replace(
        shift, closed_by=principal.subject, closed_at=datetime.now(UTC), counted=document,
        summary=summarise(sales, refunds, left, counted.meters, counted.tills),
    )  # fmt: skip
    await repository.close(tx, closed)
    return closed


async def _since(tx: Connection, shift: Shift) -> datetime:
    """The earliest moment of what may be this shift's; what was paid before there were shifts is nobody's."""
    return max(await repository.first_opened_at(tx, shift.station_id), shift.opened_at - LATE)


def _own(principal: Principal, shift: Shift | None) -> Shift:
    if shift is None or not principal.may_act_for(str(shift.station_id), shift.operator, Permission.ORDERS_WRITE):
        raise Problem(404, "no-such-shift", "There is no such shift at your stations; GET /v1/stations/{id}/shifts.")
    return shift
