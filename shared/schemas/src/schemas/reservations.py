"""The HTTP contract between payments and loyalty: coupons and points are reserved while the payer waits.

`POST /internal/reservations` (200) with a ReservationRequest: the same `reservation_id` again gets the same answer,
with another body 422 `reservation-id-reused`, and where it was let go meanwhile 409 `reservation-over`. An order has
one reservation at a time: another one for it takes the place of the one before. Of an answer without any part nothing
is kept. What cannot be given is 409 `reservation-refused`, whose `refusals` name each coupon, or points, and why.
`POST /internal/reservations/{reservation_id}/release` (204, also where it is unknown, released or expired).

The campaigns that hold for the purchase are in the breakdown too, whether coupons and points are asked for or not: so
payments asks for each purchase, and what a driver is shown before is what is taken off.

OrderPaid with its id confirms a reservation, OrderCancelled releases it, and it expires by itself. Both calls carry the
driver's own access token (permission `pay`): loyalty checks that the coupons and points are that driver's.
"""

from typing import Annotated, Any
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
    """What is set aside; the parts together are at most the gross amount."""

    reservation_id: UUID
    breakdown: list[PricePart]
    expires_at: Moment


class Refusal(_Model):
    """Why something cannot be spent."""

    what: Annotated[str, Field(max_length=64, description="A coupon's id, or `points`")]
    reason: Annotated[str, Field(max_length=40, examples=["expired"])]
    detail: Annotated[str, Field(max_length=200)]


_COUPON = "0199a000-0000-7000-8000-00000000000d"
_REQUEST: dict[str, Any] = {
    "reservation_id": "0199a000-0000-7000-8000-000000000009", "order_id": "0199a000-0000-7000-8000-000000000007",
    "driver_id": "0199a000-0000-7000-8000-000000000004", "station_id": "0199a000-0000-7000-8000-000000000001",
    "operator": "example-fuel", "fuel": "petrol_95", "price_mills": 7_850, "volume_ml": 40_000, "gross_minor": 31_400,
    "currency": "CNY", "method": "wechat", "coupon_ids": [_COUPON], "points": 500,
}  # fmt: skip
EXAMPLES: tuple[dict[str, Any], ...] = (
    {
        "name": "coupon-and-points", "request": _REQUEST, "status": 200,
        "answer": {
            "reservation_id": _REQUEST["reservation_id"], "expires_at": "2026-04-30T10:15:00Z",
            "breakdown": [
                {
                    "kind": "coupon", "reference": _COUPON, "reason": "Coupon: 20 off 200", "amount_minor": 2_000,
                    "points": None,
                },
                {"kind": "points", "reference": None, "reason": "500 points", "amount_minor": 500, "points": 500},
            ],
        },
    },
    {
        "name": "expired-coupon", "request": _REQUEST | {"points": 0}, "status": 409,
        "answer": {
            "type": f"urn:forecourt:problem:{REFUSED}", "title": "Reservation refused", "status": 409,
            "detail": "One of the coupons cannot be used.",
            "refusals": [{"what": _COUPON, "reason": "expired", "detail": "The coupon ended on 29 April 2026."}],
        },
    },
    {
        "name": "too-few-points", "request": _REQUEST | {"coupon_ids": []}, "status": 409,
        "answer": {
            "type": f"urn:forecourt:problem:{REFUSED}", "title": "Reservation refused", "status": 409,
            "detail": "There are not enough points.",
            "refusals": [{"what": "points", "reason": "too_few", "detail": "You have 120 points."}],
        },
    },
)  # fmt: skip
"""Golden exchanges: payments' client is tested with them, and loyalty must answer as they say."""
