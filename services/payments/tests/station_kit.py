"""What tests of the station's side need: orders as they are at some point of their life."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payments.domain.attempts import Attempt, AttemptStatus
from payments.domain.ledger import Account, AccountKind
from payments.domain.order_words import Measure, Mode, Status
from payments.domain.orders import Order, Step
from payments.domain.provider_words import Provider
from payments.domain.refunds import Refund, RefundPurpose, RefundStatus
from payments.repository import attempts, ledger, orders, refunds
from payments.use_cases import transfers
from schemas.vocabulary import Fuel
from servicekit.ids import new_id
from servicekit.postgres import Connection

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


async def charged(payments: Payments, order: Order, amount_minor: int, **fields: Any) -> UUID:
    """A charge at WeChat Pay for the order that succeeded just now, or stands as `fields` say; its id."""
    now = datetime.now(UTC)
    standard: dict[str, Any] = {
        "attempt_id": new_id(), "purpose": "order", "purpose_id": order.order_id, "driver_id": order.driver_id,
        "provider": Provider.WECHAT, "amount_minor": amount_minor, "currency": "CNY", "status": AttemptStatus.SUCCEEDED,
        "created_at": now, "expires_at": now + timedelta(minutes=5), "paid_at": now, "trade_id": "t",
    }  # fmt: skip
    attempt = Attempt(**standard | fields)
    await payments.store.transact(lambda tx: attempts.insert(tx, attempt))
    return attempt.attempt_id


async def paid_and_booked(payments: Payments, station_id: UUID, **fields: Any) -> Order:
    """An order that was paid at WeChat Pay, with its charge and its transfer."""
    order = await paid_order(payments, station_id, **fields)
    await deposited(payments, order)
    return order


async def deposited(payments: Payments, order: Order) -> None:
    """The charge and the transfer of an order that was paid at WeChat Pay."""
    attempt_id = await charged(payments, order, order.paid_minor)
    attempt = await payments.store.transact(lambda tx: attempts.find(tx, attempt_id))
    assert attempt is not None
    await payments.store.transact(lambda tx: ledger.post(tx, [transfers.paid_at_provider(order, attempt)]))


async def refunded(payments: Payments, order: Order, amount_minor: int, *, failed: bool = False) -> UUID:
    """A refund of a part of a paid order that reached the driver just now, or failed; its id."""
    now = datetime.now(UTC)

    async def work(tx: Connection) -> UUID:
        (attempt,) = await attempts.find_paid(tx, order.order_id)
        refund = Refund(
            new_id(), RefundPurpose.ORDER, order.order_id, "wechat", AccountKind.STATION, str(order.station_id),
            amount_minor, "CNY", "goodwill", RefundStatus.SUCCEEDED, "test", now, attempt.attempt_id, settled_at=now,
        )  # fmt: skip
        await refunds.insert(tx, replace(refund, status=RefundStatus.FAILED) if failed else refund)
        if failed:
            return refund.refund_id
        await ledger.post(tx, [transfers.refunded(refund, Account(AccountKind.PROVIDER, "wechat", "CNY"))])
        await tx.execute(
            "UPDATE orders SET refunded_minor = refunded_minor + $2 WHERE order_id = $1", order.order_id, amount_minor
        )
        return refund.refund_id

    return await payments.store.transact(work)
