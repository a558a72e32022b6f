"""What the routes of refuelling records and bills give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel
from servicekit.http_models import Amount, Shown

Count = Annotated[int, Field(examples=[4])]
Volume = Annotated[int, Field(description="Millilitres; grams of CNG and hydrogen", examples=[30_000])]
Grade = Annotated[Fuel, Field(examples=["petrol_95"])]
Money = Annotated[Currency, Field(examples=["CNY"])]
Method = Annotated[str, Field(description="wechat, alipay, fuel_card, or none: discounts alone", examples=["wechat"])]


class RecordRefund(Shown):
    """A refund of a record's order."""

    refund_id: UUID
    amount_minor: Annotated[Amount, Field(examples=[2_000])]
    volume_ml: Annotated[int | None, Field(description="Fuel that was not received", examples=[2_540])]
    reason: Annotated[str, Field(examples=["under_dispensed"])]
    status: Annotated[str, Field(description="It reached you when it is `succeeded`", examples=["succeeded"])]
    requested_at: Moment
    settled_at: Moment | None


class FillShown(Shown):
    """An order that was paid. amount - discount = paid."""

    order_id: UUID
    paid_at: Moment
    station_id: UUID
    station: Annotated[str | None, Field(description="The station's name", examples=["Wangjing"])]
    pump_id: Annotated[str, Field(examples=["3"])]
    fuel: Grade
    volume_ml: Annotated[int | None, Field(description="Null: paid ahead, not dispensed yet", examples=[30_000])]
    price_mills: Annotated[int, Field(description="Per litre or kilogram, in thousandths", examples=[7_850])]
    currency: Money
    amount_minor: Amount
    discount_minor: Annotated[Amount, Field(examples=[500])]
    paid_minor: Annotated[Amount, Field(examples=[23_050])]
    refunded_minor: Annotated[Amount, Field(description="By now", examples=[2_000])]
    method: Method


class Record(FillShown):
    """A refuelling record."""

    status: Annotated[str, Field(examples=["completed"])]
    card_id: UUID | None
    vehicle_id: UUID | None
    odometer_km: Annotated[int | None, Field(examples=[48_210])]
    refunds: list[RecordRefund]


class GradeTotals(Shown):
    """What one grade comes to."""

    fuel: Grade
    fills: Count
    volume_ml: Volume
    discount_minor: Amount
    paid_minor: Amount
    refunded_minor: Amount


class CurrencyTotals(Shown):
    """What one currency comes to."""

    currency: Money
    fills: Count
    amount_minor: Amount
    discount_minor: Amount
    paid_minor: Amount
    refunded_minor: Annotated[Amount, Field(description="Of these fills, by now")]
    grades: list[GradeTotals]


class Records(Shown):
    """A page of records, the latest first."""

    records: list[Record]
    totals: Annotated[list[CurrencyTotals], Field(description="Of all that the filter finds, not of this page alone")]
    next_cursor: str | None
