"""Reports as station systems send them, and the verdicts they get."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pricing.domain.reports import Outcome
from schemas.base import Moment
from schemas.events import PriceReport, RejectionReason, ReportedMoment, RuleName
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


class Finding(BaseModel):
    """What a price rule noted about a report that was taken all the same."""

    rule: RuleName = Field(examples=["DE/1/report-within-5-minutes"])
    late_by_seconds: int = Field(description="So much later than the rule allows was it sent", examples=[42])


NamedRule = Annotated[
    RuleName | None, Field(description="The price rule that refused it: region/version/name", examples=[None])
]
Findings = Annotated[list[Finding], Field(description="What rules noted about a report that was taken all the same")]


class ItemVerdict(BaseModel):
    """What became of one report."""

    report_id: str
    verdict: Outcome
    reason: RejectionReason | None = Field(None, description="Why it was rejected")
    rule: NamedRule = None
    findings: Findings = []
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
    rule: NamedRule
    findings: Findings
    version: int | None
    received_at: Moment


class StoredVerdicts(BaseModel):
    """The reports of these ids that pricing has decided on; one that is missing has not arrived yet."""

    verdicts: list[StoredVerdict]
