"""What the routes of bills give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from payments.http_models.records import CurrencyTotals, FillShown, Method, Money
from schemas.base import Moment
from servicekit.http_models import Amount, Shown


class BillRefund(Shown):
    """A refund that reached you in the month; its order may be of an earlier one."""

    refund_id: UUID
    order_id: UUID
    at: Moment
    station: Annotated[str | None, Field(examples=["Wangjing"])]
    amount_minor: Annotated[Amount, Field(examples=[2_000])]
    method: Method
    reason: Annotated[str, Field(examples=["under_dispensed"])]


class BillRecharge(Shown):
    """Money that you put on a card, or on a company's account, in the month."""

    recharge_id: UUID
    card_id: Annotated[UUID | None, Field(description="Null: a company's account")]
    at: Moment
    amount_minor: Annotated[Amount, Field(examples=[100_000])]
    method: Method


class BillCard(Shown):
    """A fuel card's own account. opening + the movements = closing."""

    card_id: UUID
    kind: Annotated[str, Field(description="virtual or physical", examples=["virtual"])]
    opening_minor: Annotated[Amount, Field(description="When the month began", examples=[12_350])]
    movements: Annotated[
        dict[str, int], Field(description="Minor units by kind of transfer", examples=[{"payment": -8_721}])
    ]
    closing_minor: Annotated[Amount, Field(description="When it ended, or now", examples=[3_629])]


class BillCurrency(Shown):
    """All of one currency. paid - refunded = net."""

    currency: Money
    totals: CurrencyTotals
    refunded_minor: Annotated[Amount, Field(description="In this month", examples=[2_000])]
    net_minor: Annotated[Amount, Field(description="What fuelling cost; below zero where more went back than came")]
    recharged_minor: Amount
    fills: list[FillShown]
    refunds: list[BillRefund]
    recharges: list[BillRecharge]
    cards: list[BillCard]


class Bill(Shown):
    """A month of a driver."""

    month: Annotated[str, Field(examples=["2026-11"])]
    time_zone: Annotated[str, Field(description="In which the month begins and ends", examples=["Asia/Shanghai"])]
    starts_at: Moment
    ends_at: Annotated[Moment, Field(description="The first moment that is not in it")]
    is_complete: Annotated[bool, Field(description="False: the month is not over, so it may grow")]
    currencies: list[BillCurrency]
