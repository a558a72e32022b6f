"""What a station's order routes take and give."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payments.domain.dispenses import DispenseOutcome
from payments.http_models.orders import AnyOrder, Millilitres, MinorUnits
from schemas.base import Moment
from schemas.events import ReportedMoment
from servicekit.http_models import Model, Shown

DispenseId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="Yours; the same one is one dispense",
               examples=["pump-3-20260501-0042"])
]  # fmt: skip


class Confirmation(Model):
    """What the pump gave, of a post-pay order: at least one of the two. Nothing for the other modes."""

    volume_ml: Annotated[Millilitres | None, Field(examples=[30_000])] = None
    amount_minor: MinorUnits | None = None


class AdjustmentReason(StrEnum):
    """Why another volume."""

    TYPING_ERROR = "typing_error"
    WRONG_PUMP = "wrong_pump"
    PUMP_FAULT = "pump_fault"
    GOODWILL = "goodwill"
    OTHER = "other"


class Adjustment(Model):
    """What the pump really gave."""

    volume_ml: Millilitres
    reason: AdjustmentReason


class RejectionReason(StrEnum):
    """Why a station does not serve an order."""

    PUMP_OUT_OF_ORDER = "pump_out_of_order"
    OUT_OF_FUEL = "out_of_fuel"
    NOT_AT_THE_PUMP = "not_at_the_pump"
    SAFETY = "safety"
    WRONG_ORDER = "wrong_order"
    OTHER = "other"


class Rejection(Model):
    """Why the station does not serve the order."""

    reason: RejectionReason


class NewDispense(Model):
    """What a pump gave. Send it again, just the same, until you hear an answer."""

    dispense_id: DispenseId
    volume_ml: Millilitres
    amount_minor: Annotated[MinorUnits | None, Field(description="As the display shows it; it must agree")] = None
    started_at: ReportedMoment | None = None
    ended_at: ReportedMoment


class Dispense(Shown):
    """A report, and what became of it."""

    dispense_id: DispenseId
    order_id: UUID
    volume_ml: Annotated[int, Field(examples=[30_000])]
    outcome: Annotated[DispenseOutcome, Field(examples=["taken"])]
    received_at: Moment


class StationOrder(AnyOrder):
    """An order at your station; who its driver is you are not told."""


class StationOrderPage(Shown):
    """A page of orders, the newest first; `next_cursor` null on the last page."""

    orders: list[StationOrder]
    next_cursor: str | None
