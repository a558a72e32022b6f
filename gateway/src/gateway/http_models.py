"""What the gateway's own routes send."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel, PriceMills


class PriceEvent(BaseModel):
    """The data of an SSE event named `price`: a price changed, or the grade is no longer sold (`price_mills` null)."""

    station_id: UUID
    fuel: Fuel
    price_mills: PriceMills | None
    previous_price_mills: PriceMills | None
    currency: Currency
    version: int = Field(description="Grows by one with each change; ignore an event that is not newer than yours")
    effective_at: Moment = Field(description="From when on the price holds at the pump")
    submitted_at: Moment = Field(description="When the station system sent it")
    received_at: Moment = Field(description="When it was taken in")
    published_at: Moment = Field(description="When it was published to all readers")


class ResetEvent(BaseModel):
    """The data of an SSE event named `reset`: events may be missing, so load the prices again."""

    reason: Literal["gap"]
