"""What the routes of the catalogue of gifts take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from loyalty.http_models.terms import MOST_STATIONS, STATION, Money, Text
from schemas.base import Moment
from schemas.vocabulary import Currency
from servicekit.http_models import Line, Model, Operator, Shown

GIFT = "01900000-0000-7000-8000-0000000009b1"
GIFT_ORDER = "01900000-0000-7000-8000-0000000009b2"
MOST_STOCK = 10**9

Name = Annotated[Line, Field(description="For people", examples=["Umbrella"])]
Points = Annotated[int, Field(ge=1, le=10**9, strict=True, description="What it costs", examples=[500])]
MoneyPart = Annotated[
    Money | None,
    Field(description="Paid at the counter, beside the points; of a gift that is picked up", examples=[None]),
]
Stations = Annotated[
    list[UUID] | None,
    Field(max_length=MOST_STATIONS, description="Where it is picked up; null: at all the operator's stations, empty: "
          "nowhere", examples=[[STATION]]),
]  # fmt: skip
MostPerDriver = Annotated[int | None, Field(ge=1, le=10_000, strict=True, examples=[3])]


class NewGift(Model):
    """A gift for your catalogue."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{
                "operator": "demo-oil", "name": "Umbrella", "description": "Blue, folds small", "points": 500,
                "stock": 100,
            }]
        },
    )  # fmt: skip

    operator: Operator
    name: Name
    description: Text = ""
    points: Points
    money_minor: MoneyPart = None
    currency: Currency | None = None
    stock: Annotated[int, Field(ge=0, le=MOST_STOCK, strict=True, examples=[100])]
    station_ids: Stations = None
    delivery: Annotated[bool, Field(description="Whether it is sent to drivers")] = False
    most_per_driver: MostPerDriver = None
    starts_at: Annotated[Moment | None, Field(description="Null: now")] = None
    ends_at: Moment | None = None


class GiftChange(Model):
    """What is to change of a gift; what is ordered keeps its terms."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"version": 1, "stock_change": 20, "stopped": False}]}
    )

    version: Annotated[int, Field(ge=1, strict=True, description="The one that you saw", examples=[1])]
    name: Name | None = None
    description: Text | None = None
    points: Points | None = None
    money_minor: MoneyPart = None
    currency: Currency | None = None
    stock_change: Annotated[
        int, Field(ge=-MOST_STOCK, le=MOST_STOCK, strict=True, description="So many more, or fewer", examples=[20])
    ] = 0
    station_ids: Stations = None
    delivery: bool | None = None
    most_per_driver: MostPerDriver = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    stopped: Annotated[bool | None, Field(description="Whether nobody can order it any more")] = None


class Gift(Shown):
    """A gift that drivers can order."""

    gift_id: UUID
    operator: str
    name: Annotated[str, Field(examples=["Umbrella"])]
    description: Annotated[str, Field(examples=["Blue, folds small"])]
    points: Annotated[int, Field(examples=[500])]
    money_minor: MoneyPart
    currency: str | None
    left: Annotated[int, Field(description="How many can still be ordered", examples=[97])]
    station_ids: Stations
    delivery: bool
    most_per_driver: MostPerDriver
    starts_at: Moment
    ends_at: Moment | None


class GiftPage(Shown):
    """A page of gifts; `next_cursor` null on the last page."""

    gifts: list[Gift]
    next_cursor: str | None


class KeptGift(Gift):
    """A gift as its operator's staff see it."""

    version: Annotated[int, Field(examples=[1])]
    stock: Annotated[int, Field(description="What there is, with what is ordered", examples=[100])]
    ordered: Annotated[int, Field(description="Promised, and not yet handed over", examples=[3])]
    stopped_at: Moment | None


class KeptGiftPage(Shown):
    """A page of an operator's gifts."""

    gifts: list[KeptGift]
    next_cursor: str | None
