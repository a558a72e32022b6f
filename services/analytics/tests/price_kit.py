"""Prices for tests of reports."""

from datetime import datetime
from itertools import count
from uuid import UUID

from schemas.events import PriceChangedV1, PriceConfirmedV1
from schemas.vocabulary import Fuel

_versions = count(1)


def priced(
    station_id: UUID, at: datetime, mills: int | None, fuel: Fuel = Fuel.PETROL_95, currency: str = "CNY"
) -> PriceChangedV1:
    """The price from then on; each one made is a later version than those before."""
    return PriceChangedV1(
        station_id=station_id, fuel=fuel, version=next(_versions), price_mills=mills, previous_price_mills=None,
        currency=currency, report_id="of a test", effective_at=at, submitted_at=at, received_at=at,
    )  # fmt: skip


def confirmed(station_id: UUID, at: datetime, fuel: Fuel = Fuel.PETROL_95) -> PriceConfirmedV1:
    """The station said it again."""
    return PriceConfirmedV1(station_id=station_id, fuel=fuel, version=1, confirmed_at=at)
