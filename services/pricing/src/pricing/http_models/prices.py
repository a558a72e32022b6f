"""Current prices and their history, as clients get them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field

from schemas.base import Moment
from schemas.vocabulary import Fuel


class CurrentPrice(BaseModel):
    """A price with its four times; `price_mills` null: no longer sold."""

    station_id: UUID
    fuel: Fuel
    price_mills: int | None
    currency: str
    version: int
    effective_at: Moment = Field(description="From when on it holds at the pump")
    confirmed_at: Moment = Field(description="The latest time for which the station said this price")
    submitted_at: Moment
    received_at: Moment
    published_at: Moment | None = Field(description="null until the change has left for Kafka")
    age_seconds: int = Field(description="Since effective_at")


class CurrentPrices(BaseModel):
    """The prices of the stations asked for; stations that nobody registered are named apart."""

    prices: list[CurrentPrice]
    unknown_stations: list[UUID]


class PriceHistoryEntry(BaseModel):
    """A price that held from `effective_at`; superseded: it was reported only after a later one."""

    report_id: str
    price_mills: int | None
    currency: str
    effective_at: Moment
    submitted_at: Moment
    received_at: Moment
    version: int | None
    superseded: bool


class PriceHistory(BaseModel):
    """A page of a price's history, the latest first; `next_cursor` null on the last page."""

    station_id: UUID
    fuel: Fuel
    entries: list[PriceHistoryEntry]
    next_cursor: str | None


HistoryPosition = tuple[Annotated[datetime, msgspec.Meta(tz=True)], str]
"""Where a page of history ended: effective_at and report_id of its last entry."""
