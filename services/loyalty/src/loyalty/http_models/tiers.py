"""What the routes of tiers and of membership take and give."""

from typing import Annotated

from pydantic import Field

from schemas.base import Moment
from servicekit.http_models import Model, Shown

Word = Annotated[str, Field(description="Expect new ones", examples=["gold"])]
Month = Annotated[str, Field(description="A UTC month", examples=["2026-11"])]
Volume = Annotated[int, Field(description="Millilitres (grams of CNG and hydrogen)", examples=[1_284_500])]


class MonthVolume(Shown):
    """The fuel of one month, refunds taken off."""

    month: Month
    volume_ml: Volume


class NextTier(Shown):
    """The tier above."""

    tier: Annotated[str, Field(examples=["platinum"])]
    missing_ml: Annotated[int, Field(description="Fuel that is missing to it", examples=[1_115_500])]


class Tier(Shown):
    """What a tier gives."""

    tier: Word
    from_ml: Annotated[int, Field(description="Fuel of twelve months from which it holds", examples=[1_200_000])]
    points_basis_points: Annotated[
        int, Field(description="Its factor of all points earned: 12,500 are a quarter more", examples=[12_500])
    ]


class MyTier(Shown):
    """Your tier, and what it rests on."""

    tier: Word
    since: Annotated[Moment | None, Field(description="null: you have not fuelled yet")]
    volume_ml: Annotated[int, Field(description="Of the running month and the eleven before", examples=[1_284_500])]
    months: Annotated[list[MonthVolume], Field(description="These twelve, the oldest first")]
    kept_until: Annotated[
        str | None, Field(description="The last month in which it holds without more fuel; null: it cannot fall",
                          examples=["2027-03"]),
    ]  # fmt: skip
    to_keep_ml: Annotated[int, Field(description="So much more until then, and it holds longer", examples=[215_500])]
    next: Annotated[NextTier | None, Field(description="null: there is none above")]
    tiers: Annotated[list[Tier], Field(description="All there are, the lowest first")]


class BirthMonth(Model):
    """The month of your birthday, for a present; not the day, not the year."""

    month: Annotated[int, Field(ge=1, le=12, strict=True, examples=[5])]


class MyBirthMonth(Shown):
    """What you told."""

    month: Annotated[int | None, Field(description="null: nothing", examples=[5])]
    set_at: Moment | None
    changes_from: Annotated[Moment | None, Field(description="From then on you may tell another one")]
