"""What the routes of pumps take and give."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from schemas.base import Moment
from schemas.events import ReportedMoment
from schemas.vocabulary import Fuel, PumpStatus
from stations.domain.profile import Fuels
from stations.domain.pumps import MAX_WAITING_VEHICLES
from stations.http_models.base import Model

WaitingVehicles = Annotated[
    int | None, Field(ge=0, le=MAX_WAITING_VEHICLES, description="In its queue; null: nobody counts them")
]


class ShownPump(Model):
    """A pump and what it does now."""

    pump_id: Annotated[str, Field(examples=["3"])]
    status: PumpStatus
    fuels: Annotated[list[Fuel], Field(examples=[["e5", "e10"]])]
    waiting_vehicles: WaitingVehicles
    version: Annotated[int, Field(description="Grows by one with each change of the pump")]
    changed_at: Annotated[Moment, Field(description="Since when it does this")]


class SetPump(ShownPump):
    """The pump as it is now, and what the report did: `superseded` if a report of a later time came before."""

    verdict: Literal["changed", "unchanged", "superseded"]


class Queue(Model):
    """How busy a station is."""

    state: Annotated[Literal["free", "busy", "unknown"], Field(description="unknown: no pump is known")]
    free: Annotated[int, Field(ge=0)]
    busy: Annotated[int, Field(ge=0, description="In use, ready to pay, locked or in a transaction")]
    out_of_order: Annotated[int, Field(ge=0)]
    waiting_vehicles: Annotated[int | None, Field(ge=0, description="At these pumps; null: nobody counts them")]


class Pumps(Model):
    """The pumps of a station, by their ids."""

    station_id: UUID
    queue: Queue
    pumps: list[ShownPump]


class PumpUpdate(Model):
    """What a pump does now; it is made known if it was not."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "in_use", "fuels": ["e5", "e10"], "waiting_vehicles": 1}]}
    )

    status: PumpStatus
    fuels: Annotated[Fuels, Field(examples=[["e5", "e10"]])]
    waiting_vehicles: WaitingVehicles = None
    occurred_at: Annotated[
        ReportedMoment | None,
        Field(description="When it happened, by the station's clock: keeps late reports from undoing newer ones"),
    ] = None
