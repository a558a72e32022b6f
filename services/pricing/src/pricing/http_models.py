"""What pricing's routes take and give."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pricing.domain import Outcome
from schemas.base import Moment
from schemas.events import PriceReport, RejectionReason, ReportedMoment
from schemas.vocabulary import Fuel

MAX_REPORTS = 5_000


class PriceReportItem(PriceReport):
    """One reported price. `price_mills` is in thousandths of the currency per litre; null: no longer sold."""

    model_config = ConfigDict(extra="forbid")


class PriceReportBatch(BaseModel):
    """Up to 5,000 reports. Order matters only between reports of one station and grade."""

    model_config = ConfigDict(extra="forbid")

    reports: Annotated[list[PriceReportItem], Field(min_length=1, max_length=MAX_REPORTS)]
    submitted_at: ReportedMoment | None = Field(None, description="When you sent them; by default when they came in")


class ItemVerdict(BaseModel):
    """What became of one report."""

    report_id: str
    verdict: Outcome
    reason: RejectionReason | None = Field(None, description="Why it was rejected")
    version: int | None = Field(None, description="The version of the price that the report made")
    repeated: bool = Field(False, description="Decided before; this is the same answer again")
    received_at: Moment = Field(description="When pricing took the report in, the first time")


class BatchVerdict(BaseModel):
    """A verdict for each report, in their order."""

    verdicts: list[ItemVerdict]


class StoredVerdict(BaseModel):
    """What became of a report sent earlier, over HTTP or Kafka."""

    report_id: str
    station_id: UUID
    fuel: Fuel
    verdict: Outcome
    reason: RejectionReason | None
    version: int | None
    received_at: Moment


class StoredVerdicts(BaseModel):
    """The reports of these ids that pricing has decided on; one that is missing has not arrived yet."""

    verdicts: list[StoredVerdict]


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


HistoryPosition = tuple[datetime, str]
"""Where a page of history ended: effective_at and report_id of its last entry."""
