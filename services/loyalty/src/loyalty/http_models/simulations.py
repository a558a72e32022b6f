"""What the simulator of campaigns takes and gives."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from servicekit.http_models import Model, Shown

Day = Annotated[AwareDatetime, Field(examples=["2026-10-01T00:00:00Z"])]
LaterDay = Annotated[AwareDatetime, Field(examples=["2026-10-29T00:00:00Z"])]


class SimulationWish(Model):
    """Which past orders to try the campaign on; by default those of the last four weeks."""

    from_at: Annotated[Day | None, Field(alias="from", description="The first moment")] = None
    until: Annotated[LaterDay | None, Field(description="The first moment that no longer counts")] = None


class Reached(Shown):
    """Orders of one kind that it would have reached."""

    key: Annotated[str, Field(description="The tier, grade, station or weekday (Monday is 1)", examples=["gold"])]
    orders: Annotated[int, Field(examples=[1_200])]
    cost_minor: Annotated[int, Field(examples=[360_000])]
    points: Annotated[int, Field(examples=[0])]
    rewards: Annotated[int, Field(examples=[0])]


class Gainers(Shown):
    """How what drivers gain is spread, in minor units, points or rewards, by what the campaign gives."""

    drivers: Annotated[int, Field(examples=[410])]
    most: Annotated[int, Field(examples=[1_800])]
    median: Annotated[int, Field(examples=[720])]
    share_of_top_tenth: Annotated[
        int, Field(description="Of the tenth of drivers who gain most, in basis points", examples=[2_200])
    ]


class SimulationResult(Shown):
    """What it would have cost, whom it would have reached, and who gains."""

    simulation_id: UUID
    campaign_id: UUID
    version: Annotated[int, Field(description="Of the terms that were tried; the campaign's own may be newer")]
    currency: str | None
    from_at: Annotated[datetime, Field(alias="from")]
    until: datetime
    orders: Annotated[int, Field(description="Looked at", examples=[1_200])]
    orders_left_out: Annotated[
        int, Field(description="Older ones, where there are more than a simulation takes", examples=[0])
    ]
    orders_reached: Annotated[int, Field(examples=[700])]
    drivers_reached: Annotated[int, Field(examples=[410])]
    new_drivers: Annotated[int, Field(description="Reached by their first order", examples=[35])]
    volume_ml: Annotated[int, Field(examples=[21_000_000])]
    gross_minor: Annotated[int, Field(description="Of the orders reached, at the pump price", examples=[16_485_000])]
    cost_minor: Annotated[int, Field(description="What it takes off", examples=[360_000])]
    more_off_minor: Annotated[
        int, Field(description="How much more is taken off than was: it may replace others", examples=[350_000])
    ]
    points: Annotated[int, Field(description="More points than were earned", examples=[0])]
    rewards: Annotated[int, Field(description="Coupons or gifts given", examples=[0])]
    used_up_at: Annotated[datetime | None, Field(description="When budget or uses would have come to their end")]
    unreached: Annotated[dict[str, int], Field(description="Why orders were not reached, and how many")]
    shown_by_past_orders: Annotated[bool, Field(description="false: past orders do not show what triggers it")]
    gainers: Gainers
    by_tier: list[Reached]
    by_fuel: list[Reached]
    by_weekday: list[Reached]
    by_station: Annotated[list[Reached], Field(description="Those where it costs most")]
