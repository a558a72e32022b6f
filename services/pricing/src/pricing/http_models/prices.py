"""Current prices, as clients get them."""

from uuid import UUID

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
