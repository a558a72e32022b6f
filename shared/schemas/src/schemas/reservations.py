"""The HTTP contract between payments and loyalty: coupons and points are reserved while the payer waits.

`POST /internal/reservations` (200) with a Reservation: the same `reservation_id` again gives the same answer, another
body under it is 422. `POST /internal/reservations/{id}/release` (204, also where it is unknown or released already).
It is confirmed by OrderPaid and released by OrderCancelled, both with its id, or when it expires. What cannot be given
is 409 problem+json `reservation-refused` whose `refusals` name each coupon, or points, and why. Both calls carry an
access token with the scope `loyalty:reserve`.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Moment
from schemas.orders import Millilitres, Minor, PricePart
from schemas.vocabulary import Currency, Fuel, PriceMills

PATH = "/internal/reservations"
REFUSED = "reservation-refused"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class ReservationRequest(_Model):
    """What the driver wants to spend on which purchase."""

    reservation_id: UUID
    order_id: UUID
    driver_id: Annotated[str, Field(max_length=64)]
    station_id: UUID
    operator: Annotated[str, Field(max_length=64)]
    fuel: Fuel
    price_mills: PriceMills
    volume_ml: Millilitres
    gross_minor: Minor
    currency: Currency
    method: Annotated[str, Field(max_length=40, description="How the rest will be paid: wechat, alipay, fuel_card")]
    coupon_ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=10)]
    points: Annotated[int, Field(ge=0, strict=True, description="The most points to spend; 0: none")]


class ReservationAnswer(_Model):
    """What is set aside: the sum of the parts is at most the gross amount."""

    reservation_id: UUID
    breakdown: list[PricePart]
    expires_at: Moment


class Refusal(_Model):
    """Why something cannot be spent."""

    what: Annotated[str, Field(max_length=64, description="A coupon's id, or `points`")]
    reason: Annotated[str, Field(max_length=40, examples=["expired"])]
    detail: Annotated[str, Field(max_length=200)]
