"""What a campaign meets, as staff see it."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from loyalty.domain.conflicts import EXPLANATIONS, Combines, Concern
from loyalty.domain.terms import Status
from loyalty.http_models.campaigns import CAMPAIGN, STARTS_AT
from loyalty.http_models.terms import STATION
from schemas.base import Moment
from schemas.vocabulary import Fuel
from servicekit.http_models import Shown


class CampaignExample(Shown):
    """A fill, and the most that is taken off it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "station_id": STATION, "fuel": "e5", "price_mills": 1_800, "volume_ml": 40_000,
                    "gross_minor": 7_200, "currency": "EUR", "tier": "member", "method": None, "at": STARTS_AT,
                    "off_minor": 360, "share_basis_points": 500, "campaign_ids": [CAMPAIGN],
                }
            ]
        }
    )  # fmt: skip

    station_id: UUID
    fuel: Fuel
    price_mills: int
    volume_ml: int
    gross_minor: int
    currency: str
    tier: str
    method: str | None
    at: Moment
    off_minor: Annotated[int, Field(examples=[1_200])]
    share_basis_points: Annotated[int, Field(description="Of the amount at the pump price", examples=[2_000])]
    campaign_ids: Annotated[list[UUID], Field(description="Those that take it off")]


Warnings = Annotated[list[Concern], Field(description="What to look at before it is published")]


class CampaignConflict(Shown):
    """Another campaign that holds for some of the same fills."""

    campaign_id: UUID
    name: str
    status: Status
    starts_at: Moment
    ends_at: Moment | None
    combines: Combines
    explanation: Annotated[
        str,
        Field(description="What a driver gets who is in scope of both", examples=[EXPLANATIONS[Combines.BETTER_ONE]]),
    ]
    first_at: Annotated[Moment, Field(description="The first moment from now on at which both hold")]
    stations: Annotated[int, Field(description="At how many of the operator's stations", examples=[12])]
    station_ids: Annotated[list[UUID], Field(description="The first hundred of them")]
    fuels: Annotated[list[Fuel] | None, Field(description="null: on every grade")]
    tiers: Annotated[list[str] | None, Field(description="null: for everybody", examples=[["gold"]])]
    methods: Annotated[list[str] | None, Field(description="null: however one pays", examples=[["wechat"]])]
    example: Annotated[CampaignExample | None, Field(description="With the two of them; null: no price is known")]
    warnings: Warnings


class CampaignConflicts(Shown):
    """A campaign's neighbours."""

    campaign_id: UUID
    version: int
    most: Annotated[
        CampaignExample | None, Field(description="Of all examples, with all campaigns, that with most taken off")
    ]
    warnings: Warnings
    not_compared: Annotated[
        int,
        Field(
            description="How many more of the operator's campaigns are out: those that begin furthest from this one",
            examples=[0],
        ),
    ]
    conflicts: list[CampaignConflict]
