"""What the routes take and give."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SkipValidation, StringConstraints

from stations.domain.profile import Reason, StationRow
from stations.http_models.base import Model, Operator

MAX_ROWS = 1_000


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


class Closure(Model):
    """Why a station closes for good."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None


class ClosedStation(Model):
    """A station that closed for good."""

    station_id: UUID
    closed_at: datetime
    closed_reason: str | None
    version: int
