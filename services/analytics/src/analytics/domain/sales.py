"""What a station sold in an hour, a day or a period: the rows that reports of hours and days are made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from analytics.domain.documents import SUPPRESSED, Suppressed
from analytics.domain.packed import unpacked
from analytics.domain.reports import share
from analytics.domain.views import Document

Figure = int | Suppressed | None
"""A figure that may be left out (see domain.suppression), or not be there: the average of nothing."""
SUMS = ("orders", "volume_ml", "gross_minor", "discount_minor", "paid_minor", "refunds", "refunded_minor")


@dataclass(frozen=True)
class FuelSales:
    """What was sold of one grade."""

    fuel: str
    orders: int
    volume_ml: int
    gross_minor: int
    paid_minor: int


@dataclass(frozen=True)
class MethodSales:
    """What was paid in one way."""

    method: str
    orders: int
    paid_minor: int
    share_basis_points: int | None


@dataclass(frozen=True)
class DiscountSales:
    """What discounts of one kind took off."""

    discount: str
    orders: int
    discount_minor: int


@dataclass(frozen=True)
class SalesFigures:
    """What was sold in some time. `methods`, `drivers` and the like are left out for fewer than 5 drivers."""

    orders: int
    volume_ml: int
    gross_minor: int
    discount_minor: int
    paid_minor: int
    refunds: int
    refunded_minor: int
    average_volume_ml: int | None
    average_paid_minor: int | None
    discount_basis_points: int | None
    drivers: Figure
    new_drivers: Figure
    returning_drivers: Figure
    suppressed: bool
    fuels: tuple[FuelSales, ...]
    methods: tuple[MethodSales, ...]
    discounts: tuple[DiscountSales, ...]


@dataclass(frozen=True)
class _Hour:
    hour: datetime


@dataclass(frozen=True)
class HourRow(SalesFigures, _Hour):
    """An hour of UTC."""


@dataclass(frozen=True)
class _Day:
    day: date


@dataclass(frozen=True)
class DayRow(SalesFigures, _Day):
    """A day in the station's own time: the hours that begin in it."""


Parts = dict[str, dict[str, int]]


@dataclass(slots=True)
class Sales:
    """What was sold in some hours, and the drivers who came."""

    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUMS, 0))
    fuels: Parts = field(default_factory=dict)
    methods: Parts = field(default_factory=dict)
    discounts: Parts = field(default_factory=dict)
    drivers: set[bytes] = field(default_factory=set)
    new_drivers: int = 0

    @classmethod
    def of_document(cls, hour: Document) -> "Sales":
        """A document of the view `station-hours`, or a sum of such that knows its `new_drivers`."""
        sums, drivers = {name: hour[name] for name in SUMS}, unpacked(hour["drivers"])
        return cls(sums, hour["fuels"], hour["methods"], hour["discounts"], drivers, hour.get("new_drivers", 0))

    @classmethod
    def of(cls, parts: Iterable["Sales"]) -> "Sales":
        """The sum of sums."""
        total = cls()
        for part in parts:
            _add(total.sums, part.sums)
            for name in ("fuels", "methods", "discounts"):
                _add_parts(getattr(total, name), getattr(part, name))
            total.drivers |= part.drivers
            total.new_drivers += part.new_drivers
        return total

    def figures(self, *, hide: bool) -> dict[str, Any]:
        """The fields of SalesFigures; `hide`: what is about people is left out."""
        sums, count = self.sums, len(self.drivers)
        about_people = (count, self.new_drivers, max(0, count - self.new_drivers))
        drivers, new, returning = (SUPPRESSED,) * 3 if hide else about_people
        return sums | {
            "average_volume_ml": share(sums["volume_ml"], sums["orders"], 1),
            "average_paid_minor": share(sums["paid_minor"], sums["orders"], 1),
            "discount_basis_points": share(sums["discount_minor"], sums["gross_minor"]),
            "drivers": drivers, "new_drivers": new, "returning_drivers": returning, "suppressed": hide,
            "fuels": tuple(FuelSales(name, **figures) for name, figures in sorted(self.fuels.items())),
            "methods": () if hide else tuple(self._methods()),
            "discounts": tuple(DiscountSales(name, **one) for name, one in sorted(self.discounts.items())),
        }  # fmt: skip

    def _methods(self) -> Iterable[MethodSales]:
        for name, figures in sorted(self.methods.items()):
            yield MethodSales(name, **figures, share_basis_points=share(figures["orders"], self.sums["orders"]))


def _add_parts(sums: Parts, more: Parts) -> None:
    for name, figures in more.items():
        _add(sums.setdefault(name, dict.fromkeys(figures, 0)), figures)


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for name in sums:
        sums[name] += more[name]
