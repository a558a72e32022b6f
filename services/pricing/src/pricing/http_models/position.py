"""A station's price among its neighbours', as clients get it."""

from uuid import UUID

from pydantic import BaseModel, Field

from schemas.vocabulary import Currency, Fuel


class PricePosition(BaseModel):
    """Where a station's price stands among all open stations around it that sell the grade, itself included.

    Prices that nobody has confirmed for three days are left out.
    """

    station_id: UUID
    fuel: Fuel
    radius_m: int
    currency: Currency
    price_mills: int | None = Field(description="null: the station does not sell it, or has not said so lately")
    stations: int = Field(description="How many sell it within the radius, this one included", examples=[12])
    rank: int | None = Field(description="1: nobody is cheaper; null where price_mills is", examples=[3])
    tied: int | None = Field(description="How many others ask just the same", examples=[1])
    cheapest_mills: int | None = Field(description="null: nobody sells it", examples=[1_699])
    median_mills: int | None = Field(description="Of an even number the lower of the middle two", examples=[1_739])
    above_cheapest_mills: int | None = Field(examples=[20])
    above_median_mills: int | None = Field(description="Negative: below", examples=[-20])
    above_median_percent: float | None = Field(description="Of the median, two decimals", examples=[-1.15])
