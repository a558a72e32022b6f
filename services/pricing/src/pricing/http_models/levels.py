"""Price levels of a region, as clients get them."""

from pydantic import BaseModel, Field

from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel, PriceMills


class PriceLevel(BaseModel):
    """What is cheap, usual and dear: each a price that some station of the region asks now.

    At or below `cheap_mills`: cheap, as the cheapest quarter of the stations is. At or above `dear_mills`: dear, as the
    dearest quarter. Where both are the same price it is neither.
    """

    fuel: Fuel
    currency: Currency
    cheap_mills: PriceMills = Field(description="A quarter of the stations ask at most this", examples=[1_699])
    usual_mills: PriceMills = Field(description="Half of them ask at most this", examples=[1_739])
    dear_mills: PriceMills = Field(description="Three quarters of them ask at most this", examples=[1_789])
    stations: int = Field(description="How many open stations have a price that is not stale", examples=[14_388])
    computed_at: Moment


class PriceLevels(BaseModel):
    """The levels of a region; a grade is missing where fewer than ten stations have a price that is not stale."""

    region: str = Field(examples=["DE"])
    levels: list[PriceLevel]
