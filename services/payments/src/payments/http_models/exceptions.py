"""What the routes of exceptions take and give."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from payments.domain.exceptions import Action, CaseStatus, Kind, Reason
from payments.domain.money import MAX_MINOR, MAX_VOLUME_ML
from schemas.base import Moment
from servicekit.http_models import Model, Shown

EXCEPTION = "01900000-0000-7000-8000-0000000005e1"
STATION = "01900000-0000-7000-8000-000000000001"
ORDER = "01900000-0000-7000-8000-0000000000d1"
STAFF = "01900000-0000-7000-8000-0000000000aa"
APPROVER = "01900000-0000-7000-8000-0000000000ab"
REFUND = "01900000-0000-7000-8000-0000000000e1"


class Resolution(Model):
    """What you decide. Each exception says which actions it has, and what they ask for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"action": "dismiss", "reason": "unfounded"}]}
    )

    action: Action
    reason: Reason
    amount_minor: Annotated[int | None, Field(ge=1, le=MAX_MINOR, strict=True, examples=[2_000])] = None
    volume_ml: Annotated[int | None, Field(ge=0, le=MAX_VOLUME_ML, strict=True, examples=[30_000])] = None
    note: Annotated[
        str | None,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$"),
        Field(description="For those who look at it later", examples=["The pump's display was broken"]),
    ] = None


class PossibleAction(Shown):
    """Something that can be done about it with one click."""

    action: Action
    what: Annotated[str, Field(examples=["all that was paid goes back to the driver"])]
    asks: Annotated[str | None, Field(description="The field that must be said with it", examples=["amount_minor"])]
    settles: Annotated[bool, Field(description="False: it only helps on")]


class OrderException(Shown):
    """Something that people must settle, or have settled."""

    exception_id: Annotated[UUID, Field(examples=[EXCEPTION])]
    kind: Kind
    station_id: Annotated[UUID | None, Field(examples=[STATION])]
    order_id: Annotated[UUID | None, Field(examples=[ORDER])]
    details: Annotated[
        dict[str, Any],
        Field(description="The numbers of both sides", examples=[{"over_minor": 150, "currency": "CNY"}]),
    ]
    status: CaseStatus
    raised_at: Moment
    action: Annotated[
        str | None,
        Field(description="What was done, or proposed; `gone`: it settled itself", examples=["refund_amount"]),
    ]
    reason: Annotated[str | None, Field(examples=["goodwill"])]
    amount_minor: Annotated[int | None, Field(examples=[2_000])]
    volume_ml: Annotated[int | None, Field(examples=[30_000])]
    note: Annotated[str | None, Field(description="Only for those who may decide", examples=["The hose was broken"])]
    decided_by: Annotated[str | None, Field(examples=[STAFF])]
    decided_at: Moment | None
    approved_by: Annotated[str | None, Field(examples=[APPROVER])]
    approved_at: Moment | None
    refund_id: Annotated[UUID | None, Field(examples=[REFUND])]
    actions: Annotated[list[PossibleAction], Field(description="None once it is settled")]


class ExceptionPage(Shown):
    """A page of exceptions, the newest first; `next_cursor` null on the last page."""

    exceptions: list[OrderException]
    next_cursor: Annotated[str | None, Field(examples=[None])]
