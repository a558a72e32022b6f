"""What the routes of reconciliation give."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from payments.domain.reconciliation import TicketStatus
from schemas.base import Moment
from servicekit.http_models import Shown

DAY = "2026-11-23"
TICKET = "01900000-0000-7000-8000-0000000005d1"
STATION = "01900000-0000-7000-8000-000000000001"
NUMBER = "0190000000007000800000000000a101"


class Run(Shown):
    """How far the comparison with a provider's bill of the day is."""

    provider: Annotated[str, Field(examples=["wechat"])]
    status: Annotated[str, Field(description="waiting, done, or failed", examples=["done"])]
    requested_at: Moment
    finished_at: Moment | None
    error: Annotated[str | None, Field(description="Why it did not come to an end yet", examples=["bill_not_ready"])]


class Total(Shown):
    """What was charged, or given back, for orders of your stations on the day, and how much of it is on a bill."""

    provider: Annotated[str, Field(examples=["wechat"])]
    kind: Annotated[str, Field(description="payment or refund", examples=["payment"])]
    currency: Annotated[str, Field(examples=["CNY"])]
    number: Annotated[int, Field(examples=[112])]
    minor: Annotated[int, Field(description="Minor units", examples=[2_637_600])]
    on_bill: Annotated[int, Field(examples=[112])]
    on_bill_minor: Annotated[int, Field(examples=[2_637_600])]


class Ticket(Shown):
    """A difference: found by a run, gone when a later run does not find it any more."""

    ticket_id: Annotated[UUID, Field(examples=[TICKET])]
    check_name: Annotated[str, Field(examples=["payment_not_on_bill"])]
    what: Annotated[str, Field(description="The rule that does not hold", examples=["Each charge is on the bill."])]
    subject: Annotated[str, Field(description="What differs: a number, an order, an account ...", examples=[NUMBER])]
    station_id: Annotated[UUID | None, Field(examples=[STATION])]
    provider: Annotated[str | None, Field(examples=["wechat"])]
    day: Annotated[date | None, Field(examples=[DAY])]
    happened_at: Moment
    evidence: Annotated[dict[str, Any], Field(description="The numbers of both sides", examples=[{"our_minor": 100}])]
    status: TicketStatus
    found_at: Moment
    seen_at: Moment
    closed_at: Moment | None


class Reconciliation(Shown):
    """A day of the providers' calendar (Asia/Shanghai) at your stations; tickets the newest first, a page of them."""

    date: Annotated[date, Field(examples=[DAY])]
    billed_at: Annotated[Moment, Field(description="When the bills of the day can be had")]
    runs: list[Run]
    totals: list[Total]
    tickets: list[Ticket]
    next_cursor: Annotated[str | None, Field(examples=[None])]


class RunRequest(Shown):
    """What was asked for."""

    date: Annotated[date, Field(examples=[DAY])]
    runs: list[Run]
