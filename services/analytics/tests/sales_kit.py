"""Stations and orders for tests of reports."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.base import Event
from schemas.events import OrderPaidV1, StationRegisteredV1
from schemas.orders import OrderCompletedV1, OrderRefundedV1
from servicekit.ids import new_id

from .conftest import Analytics
from .view_kit import take

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def open_station(analytics: Analytics, **fields: Any) -> UUID:
    """A new station of the test's operator."""
    station_id = new_id()
    standard: dict[str, Any] = {
        "station_id": station_id, "version": 1, "operator": analytics.operator, "external_id": "1",
        "name": "Forecourt Chaoyang", "brand": None, "country": "CN", "region": None, "time_zone": "Asia/Shanghai",
        "currency": "CNY", "lat": 39.9, "lon": 116.4, "occurred_at": LONG_AGO,
    }  # fmt: skip
    await take(analytics, StationRegisteredV1.model_validate(standard | fields))
    return station_id


def order(station_id: UUID, at: datetime, driver: object = None, **fields: Any) -> dict[str, Any]:
    """What each event of one order says: 40 l for 280.00 by default."""
    return {
        "order_id": new_id(), "version": 2, "driver_id": str(driver or new_id()), "station_id": station_id,
        "operator": "demo-oil", "pump_id": "1", "fuel": "petrol_95", "mode": "post_pay", "price_mills": 7_000,
        "currency": "CNY", "occurred_at": at, "volume_ml": 40_000, "gross_minor": 28_000, "paid_minor": 28_000,
        "method": "wechat", "breakdown": [],
    } | fields  # fmt: skip


def paid(station_id: UUID, at: datetime, driver: object = None, **fields: Any) -> Event:
    """An order that was paid."""
    return _event(OrderPaidV1, order(station_id, at, driver, **fields))


def completed(station_id: UUID, at: datetime, **fields: Any) -> Event:
    """An order that was dispensed."""
    return _event(OrderCompletedV1, order(station_id, at, **fields))


def refunded(station_id: UUID, at: datetime, amount_minor: int, **fields: Any) -> Event:
    """A refund of one."""
    refund = {"refund_id": new_id(), "amount_minor": amount_minor, "refunded_minor": amount_minor, "reason": "other"}
    return _event(OrderRefundedV1, order(station_id, at, **{"volume_ml": None} | fields) | refund)


def _event(kind: type[Event], said: dict[str, Any]) -> Event:
    return kind.model_validate({name: value for name, value in said.items() if name in kind.model_fields})
