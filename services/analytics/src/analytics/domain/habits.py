"""A driver's habits: what was spent on fuel, where, how much of it a vehicle takes, and what was saved."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from analytics.domain.consumption import Consumption, consumption_of
from analytics.domain.fills import Fill, Refund
from analytics.domain.months import month_of
from analytics.domain.reports import share
from schemas.vocabulary import mills_per_minor_unit

MOST_STATIONS = 3
Averages = Mapping[tuple[UUID, str, date], int | None]
"""By station, fuel and day in UTC, the mean price in mills of the station and its neighbours; None: not known."""


@dataclass(frozen=True, slots=True)
class FuelHabit:
    """What was bought of one grade."""

    fuel: str
    fills: int
    volume_ml: int
    """Less what was not received, by when the refund for it came."""
    average_volume_ml: int | None
    """Of a fill, as the pump gave it."""


@dataclass(frozen=True, slots=True)
class MoneyHabit:
    """What was spent in one currency."""

    currency: str
    fills: int
    paid_minor: int
    refunded_minor: int
    """By when it came back."""
    average_paid_minor: int | None
    discount_minor: int
    compared_fills: int
    """Fills that could be held against the region's price of their day."""
    saved_by_price_minor: int | None
    """What these would have cost more at that price; below zero: less."""

    @property
    def spent_minor(self) -> int:
        """What is gone for good."""
        return self.paid_minor - self.refunded_minor

    @property
    def saved_minor(self) -> int:
        """By where it was bought, as far as that is known, and by discounts."""
        return self.discount_minor + (self.saved_by_price_minor or 0)


@dataclass(frozen=True, slots=True)
class StationHabit:
    """A station that was visited."""

    station_id: UUID
    fills: int


@dataclass(frozen=True, slots=True)
class Habit:
    """What was bought in some time."""

    fills: int
    fuels: tuple[FuelHabit, ...]
    money: tuple[MoneyHabit, ...]
    stations: tuple[StationHabit, ...]
    """The most visited ones."""


@dataclass(frozen=True, slots=True)
class VehicleHabit:
    """What was bought for one vehicle."""

    vehicle_id: UUID
    fills: int
    consumption: Consumption


@dataclass(frozen=True, slots=True)
class Habits:
    """A driver's habits in some months."""

    total: Habit
    months: tuple[tuple[str, Habit], ...]
    vehicles: tuple[VehicleHabit, ...]


def habits_of(fills: Sequence[Fill], months: Sequence[str], zone: ZoneInfo, averages: Averages) -> Habits:
    """The habits; `fills` in the order in which they were paid, others than those of these months too."""
    paid: dict[str, list[Fill]] = {month: [] for month in months}
    refunds: dict[str, list[tuple[Fill, Refund]]] = {month: [] for month in months}
    for fill in fills:
        if fill.at and (month := month_of(fill.at.astimezone(zone))) in paid:
            paid[month].append(fill)
        for refund in fill.refunds:
            if (month := month_of(refund.at.astimezone(zone))) in refunds:
                refunds[month].append((fill, refund))
    here, back = sum(paid.values(), list[Fill]()), sum(refunds.values(), list[tuple[Fill, Refund]]())
    by_month = tuple((month, _habit(paid[month], refunds[month], averages)) for month in months)
    return Habits(_habit(here, back, averages), by_month, tuple(_vehicles(here)))


Refunds = Sequence[tuple[Fill, Refund]]


def _habit(fills: Sequence[Fill], refunds: Refunds, averages: Averages) -> Habit:
    fuels = sorted({fill.fuel for fill in [*fills, *(fill for fill, _ in refunds)]})
    currencies = sorted({fill.currency for fill in [*fills, *(fill for fill, _ in refunds)]})
    return Habit(
        len(fills), tuple(_fuel(fuel, fills, refunds) for fuel in fuels),
        tuple(_money(currency, fills, refunds, averages) for currency in currencies), tuple(_stations(fills)),
    )  # fmt: skip


def _fuel(fuel: str, fills: Iterable[Fill], refunds: Refunds) -> FuelHabit:
    given = [fill.volume_ml for fill in fills if fill.fuel == fuel]
    missing = sum(refund.volume_ml for fill, refund in refunds if fill.fuel == fuel)
    return FuelHabit(fuel, len(given), sum(given) - missing, share(sum(given), len(given), 1))


def _money(currency: str, fills: Iterable[Fill], refunds: Refunds, averages: Averages) -> MoneyHabit:
    mine = [fill for fill in fills if fill.currency == currency]
    paid_minor = sum(fill.paid_minor for fill in mine)
    saved = [one for fill in mine if (one := _saved(fill, averages)) is not None]
    return MoneyHabit(
        currency, len(mine), paid_minor,
        sum(refund.amount_minor for fill, refund in refunds if fill.currency == currency),
        share(paid_minor, len(mine), 1), sum(fill.discount_minor for fill in mine),
        len(saved), sum(saved) if saved else None,
    )  # fmt: skip


def _saved(fill: Fill, averages: Averages) -> int | None:
    """What the fill would have cost more at the region's price, before discounts."""
    mills = averages.get(fill.region) if fill.region else None
    return None if mills is None else cost(fill.volume_ml, mills, fill.currency) - fill.gross_minor


def cost(volume_ml: int, mills: int, currency: str) -> int:
    """What so much fuel costs, in minor units, rounded half up; of grades sold by kilogram read gram."""
    unit = 1_000 * mills_per_minor_unit(currency)
    return (2 * volume_ml * mills + unit) // (2 * unit)


def _stations(fills: Iterable[Fill]) -> Iterable[StationHabit]:
    visits = Counter(fill.station_id for fill in fills)
    most = sorted(visits.items(), key=lambda one: (-one[1], str(one[0])))[:MOST_STATIONS]
    return (StationHabit(station_id, count) for station_id, count in most)


def _vehicles(fills: Iterable[Fill]) -> Iterable[VehicleHabit]:
    """Of fills for which the driver said the vehicle, the most used one first."""
    mine: dict[UUID, list[Fill]] = {}
    for fill in fills:
        if fill.vehicle_id:
            mine.setdefault(fill.vehicle_id, []).append(fill)
    for vehicle_id, theirs in sorted(mine.items(), key=lambda one: (-len(one[1]), str(one[0]))):
        yield VehicleHabit(vehicle_id, len(theirs), consumption_of(theirs))
