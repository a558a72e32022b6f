"""What tests of the station's side need: orders as they are at some point of their life."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.domain.order_words import Measure, Mode, Status
from payments.domain.orders import Order, Step
from payments.repository import orders
from schemas.vocabulary import Fuel
from servicekit.ids import new_id

from .conftest import OPERATOR, Payments


def any_order(station_id: UUID, **fields: Any) -> Order:
    """An order that was placed just now: 30 litres of petrol at 7.85."""
    standard: dict[str, Any] = {
        "order_id": new_id(), "version": 1, "driver_id": str(new_id()), "station_id": station_id, "operator": OPERATOR,
        "pump_id": "1", "fuel": Fuel.PETROL_95, "mode": Mode.POST_PAY, "status": Status.PLACED, "price_mills": 7_850,
        "price_version": 1, "currency": "CNY", "measure": Measure.FILL_UP, "placed_at": datetime.now(UTC),
    }  # fmt: skip
    return Order(**standard | fields)


async def stored(payments: Payments, order: Order) -> Order:
    """The order, stored as it is, as if all its steps had been taken."""
    step = Step(order, None, None, None, "test", order.placed_at)
    await payments.store.transact(lambda tx: orders.save(tx, [step]))
    return order


async def dispensed_order(payments: Payments, station_id: UUID, **fields: Any) -> Order:
    """An order whose fuel was dispensed, and which is to be paid."""
    now = datetime.now(UTC)
    standard: dict[str, Any] = {
        "status": Status.CONFIRMED, "volume_ml": 30_000, "gross_minor": 23_550, "dispensed_at": now,
        "confirmed_at": now,
    }  # fmt: skip
    return await stored(payments, any_order(station_id, **standard | fields))


async def paid_order(payments: Payments, station_id: UUID, **fields: Any) -> Order:
    """An order that was paid."""
    standard: dict[str, Any] = {
        "status": Status.PAID, "method": "wechat", "paid_minor": 23_550, "paid_at": datetime.now(UTC)
    }  # fmt: skip
    return await dispensed_order(payments, station_id, **standard | fields)
