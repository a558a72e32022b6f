"""What the route of a driver's stamp cards gives."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from loyalty.domain.terms import Status
from schemas.base import Moment
from servicekit.http_models import Shown


class StampCard(Shown):
    """Your card of a campaign."""

    campaign_id: UUID
    name: Annotated[str, Field(description="Of the campaign", examples=["Ten fills, one car wash"])]
    operator: str
    status: Annotated[Status, Field(description="Of the campaign: stamps are given while it is live")]
    ends_at: Moment | None
    stamps: Annotated[int, Field(description="On the present card", examples=[3])]
    needed: Annotated[int, Field(description="So many make it full", examples=[10])]
    full_cards: Annotated[int, Field(description="That became coupons", examples=[1])]


class StampCards(Shown):
    """Your stamp cards, those of the newest campaigns first."""

    stamp_cards: list[StampCard]
