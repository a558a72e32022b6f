"""Orders as payments tells of them, and what they left behind."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from loyalty.repository import points as repository
from loyalty.use_cases import accrual
from schemas.events import OrderPaidV1, OrderRefundedV1
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable

from .conftest import OPERATOR, Loyalty

NOW = datetime.now(UTC)
STATION = new_id()


def paid(driver_id: str, paid_minor: int = 10_000, **fields: Any) -> OrderPaidV1:
    """A paid order of petrol."""
    standard = {
        "order_id": new_id(), "version": 3, "driver_id": driver_id, "station_id": STATION, "operator": OPERATOR,
        "pump_id": "1", "fuel": "petrol_95", "mode": "post_pay", "price_mills": 7_850, "currency": "CNY",
        "occurred_at": NOW - timedelta(seconds=30), "volume_ml": 12_738, "gross_minor": paid_minor, "breakdown": [],
        "paid_minor": paid_minor, "method": "wechat",
    }  # fmt: skip
    return OrderPaidV1.model_validate(standard | fields)


def refunded(order: OrderPaidV1, refunded_minor: int, amount_minor: int | None = None) -> OrderRefundedV1:
    """That so much of it was refunded by now."""
    return OrderRefundedV1(
        **{name: getattr(order, name) for name in (
            "order_id", "driver_id", "station_id", "operator", "pump_id", "fuel", "mode", "price_mills", "currency",
            "paid_minor",
        )},
        version=4, occurred_at=NOW, refund_id=new_id(), amount_minor=amount_minor or refunded_minor,
        refunded_minor=refunded_minor, method="wechat", reason="under_dispensed",
    )  # fmt: skip


async def take(loyalty: Loyalty, events: Sequence[OrderPaidV1 | OrderRefundedV1]) -> None:
    """Takes events of one kind as one batch does."""

    async def work(tx: Connection) -> None:
        owners = await repository.lock_owners(tx, (one.driver_id for one in events))
        if isinstance(events[0], OrderPaidV1):
            await accrual.accrue(loyalty.process, tx, events, owners)  # pyright: ignore[reportArgumentType] - of one kind
        else:
            await accrual.reverse(loyalty.process, tx, events, owners)  # pyright: ignore[reportArgumentType] - of one kind

    try:
        await loyalty.store.transact(work)
    except StoreUnavailable:  # the service began a moment ago, and its own tasks have not read them yet
        await loyalty.process.earning.read()
        await loyalty.process.campaigns.read()
        await loyalty.store.transact(work)


async def balance(loyalty: Loyalty, driver_id: str) -> int:
    """The driver's points; lots, balance and postings all say the same."""
    async with loyalty.store.connection() as connection:
        assert await repository.check(connection) == []
        return await repository.balance_of(connection, driver_id)


async def purchase(loyalty: Loyalty, order_id: UUID) -> dict[str, Any]:
    """The order's row."""
    (row,) = await loyalty.rows("SELECT * FROM purchases WHERE order_id = $1", order_id)
    return row
