"""Price alerts as drivers set and get them."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pricing.domain.alerts import MAX_RADIUS_M
from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel, PriceMills

Threshold = Annotated[PriceMills, Field(examples=[1_659])]


class PriceAlertRequest(BaseModel):
    """Tell me when a station in this circle sells the grade for so much or less, after none did."""

    model_config = ConfigDict(extra="forbid")

    fuel: Fuel
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="WGS-84", examples=[52.52])]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="WGS-84", examples=[13.405])]
    radius_m: Annotated[int, Field(ge=100, le=MAX_RADIUS_M, examples=[5_000])]
    threshold_mills: Threshold
    currency: Currency


class StationOffer(BaseModel):
    """A station that meets an alert."""

    station_id: UUID
    price_mills: PriceMills


class PriceAlert(BaseModel):
    """An alert. It fires when the first station meets it, and is armed again when none does any more."""

    alert_id: UUID
    fuel: Fuel
    lat: float
    lon: float
    radius_m: int
    threshold_mills: Threshold
    currency: Currency
    created_at: Moment
    fired: int = Field(description="How many times", examples=[2])
    fired_at: Moment | None = Field(description="The last time; null: never yet")
    stations_met: int = Field(
        description="How many stations meet it now: while there are any, it does not fire", examples=[1]
    )
    met_now: list[StationOffer] = Field(description="The cheapest ten of them")


class PriceAlerts(BaseModel):
    """All alerts of a driver, twenty at most, the oldest first."""

    price_alerts: list[PriceAlert]
