"""Golden examples of analytics' events; `schemas.examples` has those of the others."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.analytics import FuelFigures, MethodFigures, StationHourUpdatedV1
from schemas.base import Event
from schemas.vocabulary import Fuel

_HOUR: dict[str, Any] = {
    "bucket": "0199a000-0000-7000-8000-000000000001|2026-04-30T10Z|CNY",
    "station_id": UUID("0199a000-0000-7000-8000-000000000001"), "operator": "example-fuel",
    "begins_at": datetime(2026, 4, 30, 10, 0, tzinfo=UTC), "currency": "CNY",
}  # fmt: skip

EXAMPLES: tuple[tuple[Event, Event], ...] = (
    (
        StationHourUpdatedV1(
            **_HOUR, version=9, orders=7, volume_ml=280_000, gross_minor=219_800, discount_minor=4_800,
            paid_minor=215_000, refunds=1, refunded_minor=5_000,
            fuels=[
                FuelFigures(fuel=Fuel.PETROL_95, orders=7, volume_ml=280_000, gross_minor=219_800, paid_minor=215_000)
            ],
            methods=[MethodFigures(method="wechat", orders=7, paid_minor=215_000)], drivers=6,
        ),
        StationHourUpdatedV1(
            **_HOUR, version=1, orders=0, volume_ml=0, gross_minor=0, discount_minor=0, paid_minor=0, refunds=1,
            refunded_minor=5_000, fuels=[], methods=[],
        ),
    ),
)  # fmt: skip
