"""What the routes of earning rules take and give."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from loyalty.domain.earning import MOST_RULES, Basis, EarningRule, ScopedRule
from schemas.base import Moment
from schemas.vocabulary import Fuel
from servicekit.http_models import Model, Shown

Code = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["CNY"])]


class Rule(Model):
    """So many points for each `per` minor units of what is paid, or for each `per` millilitres.

    Of several that hold for a fill the most specific counts: one that names stations before one that names grades,
    and that before one that names a currency; then the first in the list.
    """

    basis: Annotated[Basis, Field(description="amount or litre", examples=["amount"])]
    points: Annotated[int, Field(ge=0, le=100_000, strict=True, examples=[2])]
    per: Annotated[
        int, Field(ge=1, le=10_000_000, strict=True, description="Minor units, or millilitres", examples=[100])
    ]
    station_ids: Annotated[
        list[UUID] | None,
        Field(min_length=1, max_length=1_000, description="null: at all stations", examples=[None]),
    ] = None
    fuels: Annotated[
        list[Fuel] | None,
        Field(min_length=1, max_length=50, description="null: of all grades", examples=[["petrol_95"]]),
    ] = None
    currency: Annotated[Code | None, Field(description="Required by amount")] = None

    @property
    def scoped(self) -> ScopedRule:
        """As the domain has it."""
        return ScopedRule(
            EarningRule(self.basis, self.points, self.per),
            tuple(map(str, self.station_ids)) if self.station_ids is not None else None,
            tuple(map(str, self.fuels)) if self.fuels is not None else None, self.currency,
        )  # fmt: skip

    @classmethod
    def of(cls, one: ScopedRule) -> Self:
        """A rule as it is shown."""
        return cls.model_validate({
            "basis": one.rule.basis, "points": one.rule.points, "per": one.rule.per, "station_ids": one.station_ids,
            "fuels": one.fuels, "currency": one.currency,
        })  # fmt: skip


class NewRules(Model):
    """The whole list, in place of the one before."""

    version: Annotated[
        int, Field(ge=0, le=2_000_000_000, strict=True, description="The one you have seen; 0: none", examples=[0])
    ]
    rules: Annotated[list[Rule], Field(max_length=MOST_RULES, description="Empty: the platform's rules hold")]


class Rules(Shown):
    """An operator's list."""

    operator: Annotated[str, Field(examples=["demo-oil"])]
    version: Annotated[int, Field(description="0: it was never set", examples=[3])]
    rules: list[Rule]
    valid_from: Annotated[Moment | None, Field(description="For orders that are paid from then on")]
    set_by: Annotated[str | None, Field(description="Who set it", examples=["01900000-0000-7000-8000-000000000004"])]
    set_at: Moment | None
    defaults: Annotated[list[Rule], Field(description="The platform's, where none of the list holds")]
