"""Price rules, as clients get and give them."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import Header
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pricing.domain.reports import Outcome
from pricing.domain.rules import Rules
from schemas.base import Moment
from schemas.events import RejectionReason, ReportedMoment, RuleName
from schemas.vocabulary import Fuel

MAX_DRY_RUN = timedelta(days=31)
MAX_VERSIONS = 100

RuleRegion = Annotated[
    str,
    Field(
        pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|world)$", examples=["AT"],
        description="ISO 3166: a country (AT) or a subdivision (CN-BJ); `world` for what holds everywhere",
    ),
]  # fmt: skip


IfMatch = Annotated[
    str | None, Header(description="The ETag of the rules that you replace", max_length=200, examples=['"1.1"'])
]


def _distinct_names(rules: Rules) -> Rules:
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two rules are named {name}: verdicts could not tell them apart")
    return rules


RULES_EXAMPLE = [
    {
        "kind": "rise_times", "name": "rise-only-at-noon", "description": "Prices may rise at 12:00 only.",
        "source": {"title": "BGBl. II Nr. 484/2010", "paragraph": "§ 1", "url": None}, "fuels": None,
        "except_fuels": ["adblue"], "times": ["12:00"], "weekdays": None, "within_seconds": 60,
    }
]  # fmt: skip
GivenRules = Annotated[Rules, AfterValidator(_distinct_names), Field(examples=[RULES_EXAMPLE])]


class RuleVersion(BaseModel):
    """The rules of a region from `valid_from` on, until another version begins."""

    version: int
    valid_from: Moment
    rules: Rules = Field(examples=[RULES_EXAMPLE])
    made_at: Moment


class RegionRules(BaseModel):
    """A region's own rules; those of its country and of the world hold as well."""

    region: RuleRegion
    current: RuleVersion | None = Field(description="null: none of its own so far")
    upcoming: list[RuleVersion] = Field(description="Versions that will take over, the next one first")


class NewRules(BaseModel):
    """The rules that a region shall have: all of them, not only what is new. An empty list repeals them."""

    model_config = ConfigDict(extra="forbid")

    rules: GivenRules
    valid_from: ReportedMoment | None = Field(
        None, description="From when on, by the times that reports speak of; null: from now on"
    )


class AuditedVersion(RuleVersion):
    """A version with who made it."""

    made_by: str = Field(examples=["01930b5e-7c1a-7000-8000-0d5f6e7a8b90"])


class VersionPage(BaseModel):
    """All versions there ever were, the newest first; `next_cursor` null on the last page."""

    versions: list[AuditedVersion]
    next_cursor: str | None


class DryRunRequest(BaseModel):
    """Rules to try on the reports that were taken in from `from` until before `to`, at most 31 days."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    rules: GivenRules
    since: ReportedMoment = Field(alias="from")
    until: ReportedMoment = Field(alias="to")

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        if not self.since < self.until <= self.since + MAX_DRY_RUN:
            raise ValueError(f"`to` must be after `from`, by at most {MAX_DRY_RUN.days} days")
        return self


class RuleCount(BaseModel):
    """How often a rule spoke."""

    rule: RuleName
    rejected: int
    noted: int = Field(description="Findings on reports that are taken all the same")


class DecidedOtherwise(BaseModel):
    """How many reports would have had another verdict than they got."""

    decided: Outcome = Field(examples=["accepted"])
    would_be: Outcome = Field(examples=["rejected"])
    reports: int = Field(examples=[30])


class ShortVerdict(BaseModel):
    """A verdict with its reason."""

    verdict: Outcome
    reason: RejectionReason | None
    rule: RuleName | None


class Example(BaseModel):
    """A report that would have had another verdict than it got."""

    report_id: str
    station_id: UUID
    fuel: Fuel
    price_mills: int | None
    effective_at: Moment
    decided: ShortVerdict = Field(examples=[{"verdict": "accepted", "reason": None, "rule": None}])
    would_be: ShortVerdict = Field(
        examples=[{"verdict": "rejected", "reason": "rise_not_allowed_now", "rule": "AT/2/rise-only-at-noon"}]
    )


class DryRunResult(BaseModel):
    """What the proposed rules would have said; nothing was changed."""

    since: datetime = Field(serialization_alias="from", description="Reports taken in from here on were tried")
    until: datetime = Field(serialization_alias="to")
    reports: int
    truncated: bool = Field(description="There were more reports; only the newest of them were tried")
    decided: dict[Outcome, int] = Field(examples=[{"accepted": 90, "unchanged": 10}])
    would_be: dict[Outcome, int] = Field(examples=[{"accepted": 60, "unchanged": 10, "rejected": 30}])
    rules: list[RuleCount] = Field(description="Of the proposed rules, and of those that hold beside them")
    changes: list[DecidedOtherwise]
    examples: list[Example] = Field(description="Up to 20 of the reports with another verdict")
