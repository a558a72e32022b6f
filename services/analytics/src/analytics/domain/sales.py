"""What a station sold in an hour, a day or a period: the rows that reports of hours and days are made of."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from analytics.domain.documents import SUPPRESSED, Suppressed
from analytics.domain.packed import unpacked
from analytics.domain.reports import share
from analytics.domain.suppression import hidden, ways_told
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
    """What was sold in some time. `methods`, `drivers` and the like are left out for fewer than 5 drivers, and where
    they would tell of such."""

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
        return self._books() | (NOBODY if hide else self._people() | {"methods": _methods(self.ways)})

    @property
    def ways(self) -> Parts:
        """Its ways of paying as they may be told."""
        return ways_told(self.methods)

    @property
    def split(self) -> tuple[int, int] | None:
        """How many drivers were new and how many returned; None where that would tell of few. There are never more
        new ones than drivers, though hours and drivers are folded one after the other."""
        new = min(self.new_drivers, len(self.drivers))
        both = new, len(self.drivers) - new
        return None if hidden(both) else both

    def _people(self) -> dict[str, Any]:
        new, returning = self.split or (SUPPRESSED, SUPPRESSED)
        count = len(self.drivers)
        return {"drivers": count, "new_drivers": new, "returning_drivers": returning, "suppressed": False}

    def _books(self) -> dict[str, Any]:
        sums = self.sums
        return sums | {
            "average_volume_ml": share(sums["volume_ml"], sums["orders"], 1),
            "average_paid_minor": share(sums["paid_minor"], sums["orders"], 1),
            "discount_basis_points": share(sums["discount_minor"], sums["gross_minor"]),
            "fuels": tuple(FuelSales(name, **figures) for name, figures in sorted(self.fuels.items())),
            "discounts": tuple(DiscountSales(name, **one) for name, one in sorted(self.discounts.items())),
        }  # fmt: skip


NOBODY: dict[str, Any] = {
    "drivers": SUPPRESSED, "new_drivers": SUPPRESSED, "returning_drivers": SUPPRESSED, "suppressed": True,
    "methods": (),
}  # fmt: skip


def totals_of(parts: Sequence[Sales], small: Collection[int]) -> SalesFigures:
    """The figures of all parts; those about people are of the parts that are not `small`, which are their places.

    They add up what is told of each part and nothing else, so that two sums never differ by a part that is left out.
    New and returning drivers are told where each part tells of its own.
    """
    told = [part for place, part in enumerate(parts) if place not in small]
    everybody = Sales.of(told)
    books = (Sales.of(parts) if small else everybody)._books()
    if small and not everybody.drivers:
        return SalesFigures(**books, **NOBODY)
    ways: Parts = {}
    for part in told:
        _add_parts(ways, part.ways)
    people = everybody._people()
    if not all(part.split for part in told):
        people |= {"new_drivers": SUPPRESSED, "returning_drivers": SUPPRESSED}
    return SalesFigures(**books, **people, methods=_methods(ways))


def _methods(ways: Parts) -> tuple[MethodSales, ...]:
    orders = sum(figures["orders"] for figures in ways.values())
    return tuple(
        MethodSales(name, **figures, share_basis_points=share(figures["orders"], orders))
        for name, figures in sorted(ways.items())
    )


def _add_parts(sums: Parts, more: Parts) -> None:
    for name, figures in more.items():
        _add(sums.setdefault(name, dict.fromkeys(figures, 0)), figures)


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for name in sums:
        sums[name] += more[name]
