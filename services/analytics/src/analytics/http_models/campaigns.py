"""What the report of one campaign across stations gives."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from analytics.domain.campaign_report import CampaignAcross
from analytics.http_models.reports import Days, Freshness, model_of

Row: type[BaseModel] = model_of(CampaignAcross)


class CampaignShown(Days, Freshness):
    """A campaign at all your stations, by currency and time zone; where it gave most is first."""

    campaign_id: UUID
    campaign: Annotated[str | None, Field(description="Its name", examples=["Spring, 2 off each litre"])]
    rows: list[Row]  # pyright: ignore[reportInvalidTypeForm] - made from the dataclass
