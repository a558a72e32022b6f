"""What the routes take and give."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, StringConstraints

from schemas.base import Moment
from schemas.vocabulary import Fuel, PumpStatus
from stations.domain.profile import Fuels, Reason, StationRow

MAX_ROWS = 1_000
MAX_RADIUS_M = 50_000
Operator = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
SearchText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Limit = Annotated[int, Field(ge=1, le=100)]


class Model(BaseModel):
    """The base of all: fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid")


class StationImport(Model):
    """An operator's stations; each row is judged on its own, so a bad one never stops the others."""

    operator: Operator
    stations: Annotated[list[SkipValidation[StationRow]], Field(min_length=1, max_length=MAX_ROWS)]


class RowVerdict(Model):
    """What became of one row."""

    index: Annotated[int, Field(description="The row's place in the request, from 0")]
    external_id: str | None
    verdict: Literal["created", "updated", "unchanged", "rejected"]
    station_id: UUID | None
    reason: Reason | None
    detail: str | None


class ImportCounts(Model):
    """How many rows had each verdict."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0


class ImportVerdict(Model):
    """One verdict per row, in the order of the rows."""

    results: list[RowVerdict]
    counts: ImportCounts


class ShownPump(Model):
    """A pump and what it does now."""

    pump_id: str
    status: PumpStatus
    fuels: list[Fuel]
    version: int
    changed_at: Moment


class Pumps(Model):
    """The pumps of a station, by their ids."""

    station_id: UUID
    pumps: list[ShownPump]


class PumpUpdate(Model):
    """What a pump does now; it is made known if it was not."""

    status: PumpStatus
    fuels: Fuels


class Closure(Model):
    """Why a station closes for good."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None


class ClosedStation(Model):
    """A station that closed for good."""

    station_id: UUID
    closed_at: datetime
    closed_reason: str | None
    version: int
