"""What the routes of shifts take and give."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from payments.domain.money import MAX_MINOR
from schemas.base import Moment
from schemas.vocabulary import Fuel
from servicekit.http_models import Model, Shown

SHIFT = "01900000-0000-7000-8000-0000000005f1"
STATION = "01900000-0000-7000-8000-000000000001"
MAX_COUNTER_ML = 10**13
MAX_LINES = 500
Counter = Annotated[int, Field(ge=0, le=MAX_COUNTER_ML, strict=True, description="Millilitres", examples=[845_120_000])]
Minor = Annotated[int, Field(description="Minor units of the station's currency", examples=[184_250])]
Millilitres = Annotated[int, Field(examples=[235_000])]
Count = Annotated[int, Field(examples=[7])]


class Meter(Model):
    """A pump's counter of one grade at the start and at the end of the shift."""

    pump_id: Annotated[str, Field(min_length=1, max_length=16, examples=["1"])]
    fuel: Annotated[Fuel, Field(examples=["petrol_95"])]
    meter_start_ml: Counter
    meter_end_ml: Annotated[Counter, Field(examples=[845_355_000])]

    @model_validator(mode="after")
    def _runs_forwards(self) -> Self:
        if self.meter_end_ml < self.meter_start_ml:
            raise ValueError("a counter never runs backwards: meter_end_ml is at least meter_start_ml")
        return self


class Till(Model):
    """What the station's till says was taken by a method."""

    method: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$", examples=["wechat"])]
    amount_minor: Annotated[int, Field(ge=0, le=MAX_MINOR, strict=True, examples=[184_250])]


class Counts(Model):
    """What the crew read off at the end of the shift; none of it is needed."""

    meters: Annotated[list[Meter], Field(default_factory=list, max_length=MAX_LINES)]
    tills: Annotated[list[Till], Field(default_factory=list, max_length=MAX_LINES)]


class ShiftClose(Model):
    """How a shift ends."""

    counted: Counts | None = None


class _Sums(Shown):
    orders: Annotated[Count, Field(description="That were paid")]
    volume_ml: Millilitres
    gross_minor: Minor
    discount_minor: Annotated[Minor, Field(examples=[1_500])]
    paid_minor: Minor


class PumpSums(_Sums):
    """One pump's part."""

    pump_id: Annotated[str, Field(examples=["1"])]


class FuelSums(_Sums):
    """One grade's part."""

    fuel: Annotated[str, Field(examples=["petrol_95"])]


class MethodSums(_Sums):
    """One payment method's part."""

    method: Annotated[str, Field(examples=["wechat"])]
    refunds: Count
    refunded_minor: Annotated[Minor, Field(examples=[2_000])]


class ComparedMeter(Shown):
    """What a pump's counter says beside what the orders say."""

    pump_id: Annotated[str, Field(examples=["1"])]
    fuel: Annotated[str, Field(examples=["petrol_95"])]
    metered_ml: Millilitres
    orders_ml: Millilitres
    difference_ml: Annotated[int, Field(description="Above zero: more fuel than the orders know of", examples=[0])]


class ComparedTill(Shown):
    """What the till says beside what the orders say."""

    method: Annotated[str, Field(examples=["wechat"])]
    counted_minor: Minor
    orders_minor: Minor
    difference_minor: Annotated[int, Field(description="Above zero: the till has more", examples=[0])]


class Summary(_Sums):
    """The shift in numbers. Of a shift that is open, as far as it has come."""

    refunds: Annotated[Count, Field(description="That reached the driver in this shift, of whichever order")]
    refunded_minor: Annotated[Minor, Field(examples=[2_000])]
    net_minor: Annotated[Minor, Field(description="Paid less refunded", examples=[182_250])]
    by_pump: list[PumpSums]
    by_fuel: list[FuelSums]
    by_method: list[MethodSums]
    unpaid_orders: Annotated[Count, Field(description="Dispensed and not paid yet; the next shift has them")]
    unpaid_minor: Minor
    open_exceptions: Count
    meters: list[ComparedMeter]
    tills: list[ComparedTill]


class Shift(Shown):
    """A shift of a station's crew. What was paid belongs to exactly one: to the first that closed after it."""

    shift_id: Annotated[UUID, Field(examples=[SHIFT])]
    station_id: Annotated[UUID, Field(examples=[STATION])]
    currency: Annotated[str, Field(examples=["CNY"])]
    opened_by: Annotated[str, Field(examples=["01900000-0000-7000-8000-0000000000aa"])]
    opened_at: Moment
    closed_by: Annotated[str | None, Field(examples=["01900000-0000-7000-8000-0000000000aa"])]
    closed_at: Moment | None
    counted: Counts | None
    summary: Summary | None


class ShiftPage(Shown):
    """A page of shifts, the newest first; `next_cursor` null on the last page."""

    shifts: list[Shift]
    next_cursor: Annotated[str | None, Field(examples=[None])]
