"""The history of a price, as clients get it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field

from pricing.domain.history import Bucket
from schemas.base import Moment
from schemas.vocabulary import Fuel


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

NullableMills = Annotated[int | None, Field(description="null: not sold then", examples=[1_739])]


class PriceBucket(BaseModel):
    """An hour or a day of a price, in thousandths of the currency."""

    starts_at: Moment = Field(description="When it begins; it ends where the next begins, the last one now at most")
    open_mills: NullableMills = Field(description="What it cost when the bucket began; null: not sold then")
    close_mills: NullableMills = Field(description="What it cost when the bucket ended; null: not sold then")
    min_mills: NullableMills
    max_mills: NullableMills
    mean_mills: NullableMills = Field(
        description="Mean over the time in which it was sold, each price weighed by how long it held, rounded half up"
    )
    changes: int = Field(description="How often the price changed")


class BucketedHistory(BaseModel):
    """A price by hours or days of the station's own time, the earliest first, on one page.

    A bucket without changes has the price that went on holding. A day is as long as the clocks there make it; hours
    count from midnight.
    """

    station_id: UUID
    fuel: Fuel
    bucket: Bucket
    time_zone: str = Field(description="IANA name; UTC where the station's is not known", examples=["Europe/Berlin"])
    currency: str
    buckets: list[PriceBucket]
