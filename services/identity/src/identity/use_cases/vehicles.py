"""What a person does with its vehicles. A plate is looked for among the person's own, opened: no hash of it is kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from identity.domain import vehicles as domain
from identity.domain.vehicles import Details, Reason, Vehicle, VehicleError, plate_of
from identity.repository import vehicles as repository
from identity.repository.vehicles import StoredVehicle
from identity.use_cases.accounts import lock_account
from identity.use_cases.context import Identity
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.vault import Box


async def vehicles_of(identity: Identity, tx: Connection, user_id: UUID) -> list[Vehicle]:
    """A person's vehicles, the oldest first."""
    if not (stored := await repository.vehicles_of(tx, user_id)):
        return []
    box = await identity.vault.box(tx, str(user_id))
    return [Vehicle(one.id, _opened(box, one), one.is_default, one.created_at) for one in stored]


async def add_vehicle(
    identity: Identity, tx: Connection, user_id: UUID, details: Details, *, is_default: bool
) -> tuple[Vehicle, bool]:
    """The vehicle and whether it is new: the same once more is the one that is there.

    Raises Problem 401, 409, 422.
    """
    await lock_account(tx, user_id)
    known = await vehicles_of(identity, tx, user_id)
    try:
        details = replace(details, plate=plate_of(details.plate, details.country))
        same = domain.same_plate(known, details)
        if same is not None and same.details == details and same.is_default >= is_default:
            return same, False
        new = Vehicle(new_id(), details, is_default, datetime.now(UTC))
        return _found(await _save(identity, tx, user_id, domain.added(known, new)), new.id), True
    except VehicleError as error:
        raise _problem(error) from error


async def change_vehicle(
    identity: Identity, tx: Connection, user_id: UUID, vehicle_id: UUID, change: dict[str, Any],
    is_default: bool | None,
) -> Vehicle:  # fmt: skip
    """The vehicle with some of its details changed. Raises Problem 401, 404, 409, 422."""
    await lock_account(tx, user_id)
    known = await vehicles_of(identity, tx, user_id)
    old = _found(known, vehicle_id)
    try:
        details = replace(old.details, **change)
        details = replace(details, plate=plate_of(details.plate, details.country))
        vehicles = domain.changed(known, vehicle_id, details, is_default)
    except VehicleError as error:
        raise _problem(error) from error
    return _found(await _save(identity, tx, user_id, vehicles), vehicle_id)


async def remove_vehicle(identity: Identity, tx: Connection, user_id: UUID, vehicle_id: UUID) -> None:
    """The vehicle is gone. Raises Problem 401, 404."""
    await lock_account(tx, user_id)
    known = await vehicles_of(identity, tx, user_id)
    _found(known, vehicle_id)
    await _save(identity, tx, user_id, domain.removed(known, vehicle_id))


async def move_vehicles(identity: Identity, tx: Connection, user_id: UUID, into: UUID) -> None:
    """One person's vehicles become another's, sealed in that one's box; both are locked."""
    coming = await vehicles_of(identity, tx, user_id)
    together = domain.joined(await vehicles_of(identity, tx, into), coming)
    await repository.save_vehicles(tx, user_id, [])
    await _save(identity, tx, into, together)


async def _save(identity: Identity, tx: Connection, user_id: UUID, vehicles: Sequence[Vehicle]) -> Sequence[Vehicle]:
    box = await identity.vault.box(tx, str(user_id))
    stored = [StoredVehicle(one.id, _sealed(box, one), one.is_default, one.created_at) for one in vehicles]
    await repository.save_vehicles(tx, user_id, stored)
    return vehicles


def _found(vehicles: Sequence[Vehicle], vehicle_id: UUID) -> Vehicle:
    if (found := next((one for one in vehicles if one.id == vehicle_id), None)) is None:
        raise Problem(404, "no-such-vehicle", "You have no vehicle with this id; GET /v1/me/vehicles lists yours.")
    return found


def _problem(error: VehicleError) -> Problem:
    match error.reason:
        case Reason.BAD_PLATE:
            return Problem(422, "bad-plate", str(error))
        case Reason.EXISTS:
            return Problem(409, "vehicle-exists", str(error), vehicle_id=error.vehicle_id)
        case Reason.TOO_MANY:
            return Problem(409, "too-many-vehicles", str(error))
        case Reason.NO_DEFAULT:
            return Problem(409, "no-default-vehicle", str(error))


def _sealed(box: Box, vehicle: Vehicle) -> bytes:
    return box.seal(msgspec.json.encode(vehicle.details).decode(), _context(vehicle.id))


def _opened(box: Box, stored: StoredVehicle) -> Details:
    return msgspec.json.decode(box.open(stored.sealed, _context(stored.id)), type=Details)


def _context(vehicle_id: UUID) -> str:
    return f"vehicles.sealed|{vehicle_id}"
