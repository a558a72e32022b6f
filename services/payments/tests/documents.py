"""Paid orders and refunds as tests of records, bills and invoices put them there."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.domain.money import amount_of
from payments.domain.order_words import Measure, Mode, Status
from payments.domain.orders import Order, Step
from payments.repository import orders
from schemas.vocabulary import Fuel
from servicekit.ids import new_id

from .conftest import OPERATOR, Payments

PAID_AT = datetime(2026, 11, 12, 8, 30, tzinfo=UTC)


def paid(driver_id: str, station_id: UUID, paid_at: datetime = PAID_AT, **fields: Any) -> Order:
    """A completed order of 30 litres, some of its fields replaced."""
    price, volume = fields.get("price_mills", 7_850), fields.get("volume_ml", 30_000)
    currency = fields.get("currency", "CNY")
    gross = amount_of(volume, price, currency)
    order = Order(
        order_id=new_id(), version=1, driver_id=driver_id, station_id=station_id, operator=OPERATOR, pump_id="3",
        fuel=Fuel.PETROL_95, mode=Mode.POST_PAY, status=Status.COMPLETED, price_mills=price, price_version=1,
        currency=currency, measure=Measure.FILL_UP, placed_at=paid_at, volume_ml=volume, gross_minor=gross,
        paid_minor=gross - fields.get("discount_minor", 0), method="wechat", paid_at=paid_at, completed_at=paid_at,
        confirmed_at=paid_at,
    )  # fmt: skip
    return replace(order, **fields)


async def store(payments: Payments, *given: Order) -> None:
    """Puts orders into the database as they are."""
    steps = [Step(one, None, None, None, "test", one.placed_at) for one in given]
    await payments.store.transact(lambda tx: orders.save(tx, steps))


async def store_refund(payments: Payments, order: Order, amount_minor: int, **fields: Any) -> UUID:
    """Puts a refund that reached the driver into the database, and what the order says of it."""
    values = {
        "refund_id": new_id(), "purpose": "order", "purpose_id": order.order_id, "method": "wechat",
        "source_kind": "station", "source_owner": str(order.station_id), "amount_minor": amount_minor,
        "discount_minor": 0,
        "currency": order.currency, "reason": "under_dispensed", "status": "succeeded", "requested_by": "test",
        "requested_at": order.paid_at, "settled_at": order.paid_at,
    } | fields  # fmt: skip
    names, numbers = ", ".join(values), ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await payments.sql(f"INSERT INTO refunds ({names}) VALUES ({numbers})", *values.values())  # noqa: S608 - our names
    await payments.sql(
        "UPDATE orders SET refunded_minor = refunded_minor + $2 WHERE order_id = $1", order.order_id, amount_minor
    )
    return values["refund_id"]
