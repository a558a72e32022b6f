"""A driver's vehicles."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from identity.api.context import identity_of
from identity.domain.vehicles import Details, Vehicle
from identity.http_models import vehicles as models
from identity.use_cases import vehicles as use_cases
from identity.use_cases.accounts import hold_account, user_id_of
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me/vehicles", tags=["account"])

Driver = Annotated[Principal, Requires(Permission.DRIVER)]


@router.get(
    "", summary="List your vehicles", response_model=models.Vehicles, responses=problem_responses(401, 403, 503)
)  # fmt: skip
async def list_vehicles(request: Request, driver: Driver) -> models.Vehicles:
    """Your vehicles, the oldest first."""
    identity, user_id = identity_of(request), user_id_of(driver)

    async def look(tx: Connection) -> list[Vehicle]:
        await hold_account(tx, user_id)
        return await use_cases.vehicles_of(identity, tx, user_id)

    return models.Vehicles(vehicles=[_shown(one) for one in await identity.store.transact(look)])


@router.post(
    "", status_code=201, summary="Add a vehicle", response_model=models.Vehicle,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503)
    | {200: {"model": models.Vehicle, "description": "You had just this vehicle already"}},
)  # fmt: skip
async def add_vehicle(request: Request, response: Response, body: models.NewVehicle, driver: Driver) -> models.Vehicle:
    """Adds a vehicle. The same request again changes nothing; another vehicle with the plate of one of yours is 409."""
    identity, user_id = identity_of(request), user_id_of(driver)
    details = Details(**body.model_dump(exclude={"is_default"}))
    vehicle, is_new = await identity.store.transact(
        lambda tx: use_cases.add_vehicle(identity, tx, user_id, details, is_default=body.is_default)
    )
    response.status_code = 201 if is_new else 200
    return _shown(vehicle)


@router.patch(
    "/{vehicle_id}", summary="Change a vehicle", response_model=models.Vehicle,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def change_vehicle(
    request: Request, vehicle_id: UUID, body: models.VehicleChange, driver: Driver
) -> models.Vehicle:
    """A JSON merge patch: what you leave out stays. The default stops being it when another is made the default."""
    identity, user_id = identity_of(request), user_id_of(driver)
    change = body.model_dump(exclude_unset=True)
    is_default = change.pop("is_default", None)
    return _shown(
        await identity.store.transact(
            lambda tx: use_cases.change_vehicle(identity, tx, user_id, vehicle_id, change, is_default)
        )
    )


@router.delete(
    "/{vehicle_id}", status_code=204, summary="Remove a vehicle", responses=problem_responses(401, 403, 404, 422, 503)
)  # fmt: skip
async def remove_vehicle(request: Request, vehicle_id: UUID, driver: Driver) -> None:
    """Removes a vehicle; where it was the default, the one that you added last is it."""
    identity, user_id = identity_of(request), user_id_of(driver)
    await identity.store.transact(lambda tx: use_cases.remove_vehicle(identity, tx, user_id, vehicle_id))


def _shown(vehicle: Vehicle) -> models.Vehicle:
    return models.Vehicle(
        vehicle_id=vehicle.id, is_default=vehicle.is_default, created_at=vehicle.created_at, **asdict(vehicle.details)
    )
