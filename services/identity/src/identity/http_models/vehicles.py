"""What the routes of a driver's vehicles take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from identity.domain.vehicles import MAX_VEHICLES
from identity.http_models.me import Model, Name, Shown
from schemas.base import Moment
from schemas.vocabulary import Fuel

Plate = Annotated[
    str, StringConstraints(min_length=1, max_length=24),
    Field(description="The number plate; kept in upper case, without gaps", examples=["京AD12345"]),
]  # fmt: skip
Country = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="ISO 3166: who gave the plate", examples=["CN"])
]
Tank = Annotated[int, Field(ge=1_000, le=2_000_000, strict=True, description="Millilitres", examples=[50_000])]
Consumption = Annotated[
    int, Field(ge=100, le=200_000, strict=True, description="Millilitres per 100 km", examples=[6_400])
]


class NewVehicle(Model):
    """A vehicle to add."""

    plate: Plate
    country: Country = "CN"
    name: Name | None = None
    fuel: Annotated[Fuel | None, Field(description="The grade it takes")] = None
    tank_ml: Tank | None = None
    consumption_ml_per_100km: Consumption | None = None
    is_default: Annotated[bool, Field(description="The first one is, whatever is said here")] = False


class VehicleChange(Model):
    """What to change; null takes out what need not be there."""

    plate: Plate = ""
    country: Country = ""
    name: Name | None = None
    fuel: Fuel | None = None
    tank_ml: Tank | None = None
    consumption_ml_per_100km: Consumption | None = None
    is_default: Annotated[bool, Field(description="True: the default from now on", examples=[True])] = False


class Vehicle(Shown):
    """A vehicle."""

    vehicle_id: UUID
    plate: Plate
    country: Country
    name: Annotated[str | None, Field(examples=["Little Red"])]
    fuel: Fuel | None
    tank_ml: Annotated[int | None, Field(examples=[50_000])]
    consumption_ml_per_100km: Annotated[int | None, Field(examples=[6_400])]
    is_default: Annotated[bool, Field(examples=[True])]
    created_at: Moment


class Vehicles(Shown):
    """All vehicles of a driver, the oldest first."""

    vehicles: Annotated[list[Vehicle], Field(description=f"At most {MAX_VEHICLES}; more where accounts were joined")]
