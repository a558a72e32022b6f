"""Price changes of staff, as they send them and see them."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pricing.domain.changes import Action, Status
from schemas.base import Moment
from schemas.events import ReportedMoment
from schemas.vocabulary import Currency, Fuel, PriceMills

MAX_STATIONS = 100
STATION = "01900000-0000-7000-8000-000000000001"
CHANGE = "01900000-0000-7000-8000-0000000000c1"
BATCH = "01900000-0000-7000-8000-0000000000b1"


class PriceChangeOrder(BaseModel):
    """One price for a grade at up to 100 stations: now, or at a time at most 90 days ahead."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "station_ids": [STATION], "fuel": "e5", "price_mills": 1_759, "currency": "EUR",
                    "effective_at": "2026-05-01T10:00:00Z", "reason": "Morning price",
                }
            ]
        },
    )  # fmt: skip

    station_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_STATIONS)]
    fuel: Fuel
    price_mills: PriceMills
    currency: Currency
    effective_at: ReportedMoment | None = Field(None, description="null: at once, or as soon as somebody approves")
    reason: Annotated[
        str | None, Field(max_length=200, pattern=r"^[^\x00]*$", description="For those who read the audit trail")
    ] = None


class PriceChange(BaseModel):
    """A change of one grade at one station, as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "change_id": CHANGE, "batch_id": BATCH, "station_id": STATION, "operator": "tankerkoenig",
                    "fuel": "e5", "price_mills": 1_759, "currency": "EUR", "effective_at": "2026-05-01T10:00:00Z",
                    "due_at": "2026-05-01T10:00:00Z", "status": "fired", "created_by": "shift-lead",
                    "created_at": "2026-04-30T16:20:00Z", "reason": "Morning price", "approved_by": None,
                    "fired_at": "2026-05-01T10:00:00.012345Z", "price_version": 42, "previous_price_mills": 1_799,
                    "failure_reason": None, "failure_rule": None, "rolls_back": None,
                }
            ]
        }
    )  # fmt: skip

    change_id: UUID = Field(description="Also the `report_id` of the PriceChanged event that it makes")
    batch_id: UUID = Field(description="Shared by the changes of one order")
    station_id: UUID
    operator: str
    fuel: Fuel
    price_mills: int
    currency: str
    effective_at: Moment | None = Field(description="The time asked for; null: at once, or as soon as it is approved")
    due_at: Moment = Field(description="When it fires; while it waits for approval, the end of the time for that")
    status: Status
    created_by: str
    created_at: Moment
    reason: str | None
    approved_by: str | None
    fired_at: Moment | None = Field(description="When it became the price")
    price_version: int | None = Field(description="Of the price that it made; null where it was so already")
    previous_price_mills: int | None = Field(description="What it took the place of, and what a rollback brings back")
    failure_reason: str | None = Field(
        description="That of a rejected report, `not_approved_in_time`, `time_missed` or `internal_error`"
    )
    failure_rule: str | None = Field(description="The price rule that it broke, if it broke one")
    rolls_back: UUID | None = Field(description="The change whose price this one took back")


class PriceChanges(BaseModel):
    """The changes of one order."""

    price_changes: list[PriceChange]


class PriceChangePage(BaseModel):
    """A page of changes, the newest first; `next_cursor` null on the last page."""

    price_changes: list[PriceChange]
    next_cursor: str | None


class PriceChangeStep(BaseModel):
    """One line of an audit trail: who did what, when."""

    action: Action
    actor: str = Field(description="The client that did it; `pricing` where its time had come", examples=["shift-lead"])
    at: Moment
    from_status: Status | None
    to_status: Status
    detail: str | None


class AuditedPriceChange(PriceChange):
    """A change with all that ever happened to it, in order."""

    audit: list[PriceChangeStep]
