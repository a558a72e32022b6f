"""What the routes of campaigns take and give."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from loyalty.domain.campaigns import Command
from loyalty.domain.terms import Status
from loyalty.http_models.terms import (
    STATION,
    BenefitModel,
    Count,
    HoursModel,
    Money,
    Name,
    PercentageBenefit,
    ScopeModel,
    StackingModel,
    Text,
    benefit_from,
    scope_from,
    stacking_from,
)
from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel
from servicekit.http_models import Line, Model, Operator, Shown

MANAGER = "01900000-0000-7000-8000-0000000000e1"
CAMPAIGN = "01900000-0000-7000-8000-0000000009c1"
STARTS_AT = "2026-11-01T00:00:00Z"
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
TERMS: dict[str, Any] = {
    "name": "Weekend 5 % off", "description": "On every grade, Saturdays and Sundays.",
    "benefit": {"kind": "percentage", "basis_points": 500},
    "scope": {"station_ids": [STATION], "hours": [{"weekdays": [6, 7]}]},
    "stacking": {"group": "campaign", "priority": 100}, "starts_at": STARTS_AT, "ends_at": None,
}  # fmt: skip
UNLIMITED = {"currency": None, "budget_minor": None, "most_uses": None, "uses_per_driver": None}

Time = Annotated[Moment, Field(ge=EARLIEST, le=LATEST)]
Description = Annotated[Text, Field(description="For people", examples=["Saturdays and Sundays."])]
CurrencyOfAmounts = Annotated[Currency | None, Field(description="Of the amounts; null where the terms have none")]
Ends = Annotated[Time | None, Field(description="The first moment at which it holds no more; null: it has no end")]
Budget = Annotated[Money | None, Field(description="The most that it may take off in all; null: no limit")]
Uses = Annotated[int, Field(ge=1, le=10**9, strict=True)]
MostUses = Annotated[Uses | None, Field(description="How often it may be used in all; null: no limit")]
PerDriver = Annotated[Count | None, Field(description="How often one driver may use it; null: no limit")]


class _Terms(Model):
    """What campaigns are made of."""

    def terms(self, names: Iterable[str]) -> dict[str, Any]:
        """These of the terms, as fields of a Campaign."""
        makers = {"benefit": benefit_from, "scope": scope_from, "stacking": stacking_from}
        return {name: makers.get(name, _plain)(getattr(self, name)) for name in names}


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


class NewCampaign(_Terms):
    """A campaign to plan."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"operator": "demo-oil", **TERMS}]})

    operator: Operator
    name: Name
    description: Description = ""
    benefit: BenefitModel
    scope: ScopeModel = Field(default_factory=ScopeModel)
    stacking: StackingModel = Field(default_factory=StackingModel)
    currency: CurrencyOfAmounts = None
    starts_at: Time
    ends_at: Ends = None
    budget_minor: Budget = None
    most_uses: MostUses = None
    uses_per_driver: PerDriver = None

    def as_terms(self) -> dict[str, Any]:
        """All the terms, as fields of a Campaign."""
        return self.terms(type(self).model_fields)


class CampaignChange(_Terms):
    """What to change; null takes out what need not be there."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"version": 1, "description": "Every Saturday and Sunday."}]}
    )

    version: Annotated[int, Field(ge=1, description="The campaign as you last saw it")]
    name: Name = ""
    description: Description = ""
    benefit: BenefitModel = Field(default_factory=lambda: PercentageBenefit(kind="percentage", basis_points=1))
    scope: ScopeModel = Field(default_factory=ScopeModel)
    stacking: StackingModel = Field(default_factory=StackingModel)
    currency: CurrencyOfAmounts = None
    starts_at: Time = Field(default_factory=lambda: EARLIEST)
    ends_at: Ends = None
    budget_minor: Budget = None
    most_uses: MostUses = None
    uses_per_driver: PerDriver = None

    def as_terms(self) -> dict[str, Any]:
        """The terms that were said, as fields of a Campaign."""
        return self.terms(self.model_fields_set - {"version"})


class CampaignStep(Model):
    """A campaign goes on to its next state."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 1}]})

    version: Annotated[int, Field(ge=1, description="The campaign as you last saw it")]


class CampaignStop(Model):
    """A campaign stops, now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "Wrong price list"}]})

    version: Annotated[
        int | None, Field(ge=1, description="The campaign as you last saw it; left out: it stops in any case")
    ] = None
    reason: Annotated[
        Line | None, Field(description="For those who read its history", examples=["Wrong price list"])
    ] = None


class Campaign(Shown):
    """The terms of a campaign."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"operator": "demo-oil", **TERMS, **UNLIMITED}]})

    campaign_id: Annotated[UUID, Field(examples=[CAMPAIGN])]
    version: Annotated[int, Field(description="Grows with each change", examples=[3])]
    status: Annotated[Status, Field(examples=["draft"])]
    operator: Annotated[str, Field(examples=["demo-oil"])]
    name: Annotated[str, Field(examples=["Weekend 5 % off"])]
    description: str
    benefit: BenefitModel
    scope: ScopeModel
    stacking: StackingModel
    currency: CurrencyOfAmounts
    starts_at: Moment
    ends_at: Moment | None
    budget_minor: int | None
    most_uses: int | None
    uses_per_driver: int | None


class CampaignPlan(Campaign):
    """A campaign as its planners see it in a list."""

    used_minor: Annotated[
        int, Field(description="What was taken off by it, and what is set aside right now", examples=[0])
    ]
    uses: Annotated[int, Field(examples=[0])]


class CampaignPlanPage(Shown):
    """A page of campaigns, the newest first; `next_cursor` null on the last page."""

    campaigns: list[CampaignPlan]
    next_cursor: str | None


class CampaignHistoryLine(Shown):
    """One line of a campaign's history: who did what, when."""

    version: Annotated[int, Field(description="The campaign's after it")]
    command: Command | Literal["create"]
    actor: Annotated[str, Field(description="Whose account did it; `loyalty`: it came by itself", examples=["loyalty"])]
    at: Moment
    from_status: Status | None
    to_status: Status
    reason: Annotated[str | None, Field(examples=["Wrong price list"])]


class WholeCampaignPlan(CampaignPlan):
    """A campaign with what was taken of it, and all that ever happened to it, in order."""

    drivers: Annotated[int, Field(description="How many drivers have used it", examples=[0])]
    simulated_version: Annotated[
        int | None, Field(description="The version whose terms were simulated last", examples=[3])
    ]
    published_at: Moment | None
    created_by: Annotated[str, Field(examples=[MANAGER])]
    created_at: Moment
    history: list[CampaignHistoryLine]


class CampaignWords(Shown):
    """The same in our languages."""

    en: Annotated[str, Field(examples=["5 % off"])]
    zh: Annotated[str, Field(examples=["立减 5%"])]


class PublicCampaign(Shown):
    """A campaign as drivers see it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": TERMS["name"], "description": TERMS["description"], "kind": "percentage",
                    "gives": {"en": "5 % off", "zh": "立减 5%"},
                    "conditions": [{"en": "on Sat, Sun", "zh": "周六、周日"}],
                    "claimable": False, "station_ids": [STATION], "hours": TERMS["scope"]["hours"], "fuels": None,
                    "tiers": None, "methods": None, "minimum_volume_ml": None, "minimum_minor": None,
                    "uses_per_driver": None, "currency": None, "starts_at": STARTS_AT, "ends_at": None,
                }
            ]
        }
    )  # fmt: skip

    campaign_id: Annotated[UUID, Field(examples=[CAMPAIGN])]
    status: Annotated[
        Literal["scheduled", "live", "paused", "ended"],
        Field(description="scheduled: it is still to come. paused: it gives nothing for now", examples=["live"]),
    ]
    operator: Annotated[str, Field(examples=["demo-oil"])]
    name: Annotated[str, Field(examples=["Weekend 5 % off"])]
    description: str
    kind: Annotated[str, Field(description="What it gives; expect new ones", examples=["percentage"])]
    gives: Annotated[CampaignWords, Field(description="What it gives, in plain words")]
    conditions: Annotated[list[CampaignWords], Field(description="When and for whom, in plain words, each of them")]
    claimable: Annotated[bool, Field(description="Whether a driver can take it now: POST /v1/campaigns/{id}/claims")]
    currency: str | None
    starts_at: Moment
    ends_at: Moment | None
    station_ids: Annotated[list[UUID] | None, Field(description="null: at all stations of the operator")]
    fuels: Annotated[list[Fuel] | None, Field(description="null: on every grade")]
    tiers: Annotated[list[str] | None, Field(description="null: for everybody")]
    methods: Annotated[list[str] | None, Field(description="null: however one pays")]
    hours: Annotated[list[HoursModel] | None, Field(description="null: at any time; by the station's own clock")]
    minimum_volume_ml: int | None
    minimum_minor: int | None
    uses_per_driver: int | None


class FoundCampaign(PublicCampaign):
    """A campaign that holds at a place."""

    station_id: Annotated[UUID, Field(description="The nearest station at which it holds", examples=[STATION])]
    station_name: Annotated[str, Field(examples=["Example Fuel, Market Street"])]
    distance_m: Annotated[int | None, Field(description="As the crow flies; null where no place was asked for")]


class CampaignPage(Shown):
    """A page of campaigns, the nearest first; `next_cursor` null on the last page."""

    campaigns: list[FoundCampaign]
    next_cursor: str | None
