"""Refuelling records: orders that were paid, and what they come to. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from schemas.vocabulary import Fuel

SOLD_BY_WEIGHT = frozenset({Fuel.CNG, Fuel.HYDROGEN})
"""Their volumes are grams, their prices are for a kilogram."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A paid order. Amounts are minor units of `currency`."""

    order_id: UUID
    paid_at: datetime
    station_id: UUID
    station: str | None
    """Its name; None where nobody registered it."""
    pump_id: str
    fuel: Fuel
    volume_ml: int | None
    """None: paid ahead, and the pump has not given it yet."""
    price_mills: int
    currency: str
    discount_minor: int
    paid_minor: int
    refunded_minor: int
    """By now, whenever it was paid."""
    method: str
    status: str
    card_id: UUID | None = None
    vehicle_id: UUID | None = None
    odometer_km: int | None = None

    @property
    def amount_minor(self) -> int:
        """Before discounts."""
        return self.paid_minor + self.discount_minor


@dataclass(frozen=True, slots=True)
class GradeSum:
    """What fills of one grade and currency come to."""

    currency: str
    fuel: Fuel
    fills: int
    volume_ml: int
    discount_minor: int
    paid_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What the fills of one currency come to."""

    currency: str
    grades: tuple[GradeSum, ...]

    @property
    def fills(self) -> int:
        """How many there are."""
        return sum(grade.fills for grade in self.grades)

    @property
    def discount_minor(self) -> int:
        """What coupons, points and campaigns took off."""
        return sum(grade.discount_minor for grade in self.grades)

    @property
    def paid_minor(self) -> int:
        """What was paid."""
        return sum(grade.paid_minor for grade in self.grades)

    @property
    def amount_minor(self) -> int:
        """Before discounts."""
        return self.paid_minor + self.discount_minor

    @property
    def refunded_minor(self) -> int:
        """What went back of it by now."""
        return sum(grade.refunded_minor for grade in self.grades)


def totals_of(sums: Iterable[GradeSum]) -> list[Totals]:
    """The totals of each currency, grades and currencies in the order of their names."""
    ordered = sorted(sums, key=lambda one: (one.currency, one.fuel))
    return [Totals(currency, tuple(grades)) for currency, grades in groupby(ordered, key=lambda one: one.currency)]


def sums_of(fills: Iterable[Fill]) -> list[GradeSum]:
    """What fills come to, by currency and grade."""
    ordered = sorted(fills, key=lambda one: (one.currency, one.fuel))
    return [
        _summed(currency, fuel, list(same))
        for (currency, fuel), same in groupby(ordered, key=lambda one: (one.currency, one.fuel))
    ]


def _summed(currency: str, fuel: Fuel, fills: list[Fill]) -> GradeSum:
    return GradeSum(
        currency, fuel, len(fills), sum(fill.volume_ml or 0 for fill in fills),
        sum(fill.discount_minor for fill in fills), sum(fill.paid_minor for fill in fills),
        sum(fill.refunded_minor for fill in fills),
    )  # fmt: skip
