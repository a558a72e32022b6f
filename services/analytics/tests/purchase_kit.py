"""Events of orders, as payments tells them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.events import OrderCompletedV1, OrderPaidV1, OrderRefundedV1
from servicekit.ids import new_id

MORNING = datetime(2026, 4, 30, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _order(driver_id: UUID | str, at: datetime, **order: Any) -> dict[str, Any]:
    standard = {
        "order_id": new_id(), "version": 3, "driver_id": str(driver_id), "station_id": new_id(), "operator": "demo-oil",
        "pump_id": "1", "fuel": "petrol_95", "mode": "post_pay", "price_mills": 7_850, "currency": "CNY",
        "occurred_at": at,
    }  # fmt: skip
    return standard | order


def paid(driver_id: UUID | str, at: datetime = MORNING, **order: Any) -> OrderPaidV1:
    """A driver paid for 30 litres, with no discount."""
    paid_minor = order.get("paid_minor", 23_550)
    standard = {"volume_ml": 30_000, "gross_minor": paid_minor, "breakdown": [], "paid_minor": paid_minor}
    return OrderPaidV1.model_validate({**_order(driver_id, at), "method": "wechat", **standard, **order})


def completed(order: OrderPaidV1, at: datetime | None = None, **said: Any) -> OrderCompletedV1:
    """The pump has given the fuel of an order that was paid before."""
    told = order.model_dump(include=set(OrderCompletedV1.model_fields))
    return OrderCompletedV1.model_validate({**told, "occurred_at": at or order.occurred_at, **said})


def refunded(order: OrderPaidV1, amount_minor: int, at: datetime | None = None, **said: Any) -> OrderRefundedV1:
    """So much of the order went back."""
    told = order.model_dump(include=set(OrderRefundedV1.model_fields) - {"volume_ml"})
    standard = {
        "refund_id": new_id(), "amount_minor": amount_minor, "refunded_minor": amount_minor, "reason": "goodwill",
        "occurred_at": at or order.occurred_at,
    }  # fmt: skip
    return OrderRefundedV1.model_validate({**told, **standard, **said})
