"""How much fuel a vehicle takes, from what its driver bought and read off its odometer.

The tank is about as full after one full-enough fill as after another, so what was bought between two of them, the
second one with it, is what the way between them took. A fill is full enough where it is at least half of the largest
one. Smaller ones count as fuel; their odometers say nothing. Readings that cannot be true are left out: of all the
readings the most that fit to one another are taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from analytics.domain.fills import Fill
from analytics.domain.reports import rounded

MOST_READINGS = 400
"""Who fuels twice a day for half a year."""
MOST_KM_A_DAY = 3_000
DAY_SECONDS = 86_400
LEAST_ML_PER_100KM, MOST_ML_PER_100KM = 2_000, 60_000
BY_WEIGHT = frozenset({"cng", "hydrogen"})
NOT_BURNT = frozenset({"adblue"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """The way between two full fills."""

    from_at: datetime
    to_at: datetime
    distance_km: int
    volume_ml: int

    @property
    def ml_per_100km(self) -> int:
        """What it took."""
        return rounded(self.volume_ml * 100, self.distance_km)

    @property
    def is_plausible(self) -> bool:
        """Whether a road vehicle could take that: where not, a fill was not told of, or the tank was not full."""
        return LEAST_ML_PER_100KM <= self.ml_per_100km <= MOST_ML_PER_100KM


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A reading that was left out, and why: `not_increasing`, `too_far` in the time, `implausible_consumption` from
    the reading before to this one."""

    at: datetime
    odometer_km: int
    reason: str


@dataclass(frozen=True, slots=True)
class Consumption:
    """What a vehicle takes."""

    ml_per_100km: int | None
    distance_km: int
    volume_ml: int
    readings: int
    """Of full fills, that were told."""
    stretches: tuple[Stretch, ...]
    left_out: tuple[LeftOut, ...]
    reason: str | None
    """Why there is no figure: `too_few_readings`, `nothing_plausible`, `several_kinds_of_fuel`."""


@dataclass(frozen=True, slots=True)
class _Reading:
    at: datetime
    odometer_km: int

    def leads_to(self, other: "_Reading") -> bool:
        """Whether the vehicle can have come from this one to the other."""
        return self.odometer_km < other.odometer_km and not self.is_too_far_from(other)

    def is_too_far_from(self, other: "_Reading") -> bool:
        seconds = max(DAY_SECONDS, int((other.at - self.at).total_seconds()))
        return abs(other.odometer_km - self.odometer_km) * DAY_SECONDS > MOST_KM_A_DAY * seconds


def consumption_of(fills: Sequence[Fill]) -> Consumption:
    """What a vehicle takes, from its fills in the order in which they were paid."""
    burnt = [fill for fill in fills if fill.fuel not in NOT_BURNT and fill.received_ml > 0]
    readings = _readings(burnt)
    if len({fill.fuel in BY_WEIGHT for fill in burnt}) > 1:
        return Consumption(None, 0, 0, len(readings), (), (), "several_kinds_of_fuel")
    chain = _chain(readings)
    stretches = [_stretch(burnt, one, other) for one, other in pairwise(chain)]
    good = tuple(stretch for stretch in stretches if stretch.is_plausible)
    left_out = [_left_out(reading, chain) for reading in readings if reading not in chain]
    left_out += [
        LeftOut(reading.at, reading.odometer_km, "implausible_consumption")
        for reading, stretch in zip(chain[1:], stretches, strict=True) if not stretch.is_plausible
    ]  # fmt: skip
    distance_km, volume_ml = sum(one.distance_km for one in good), sum(one.volume_ml for one in good)
    reason = None if good else "nothing_plausible" if len(readings) > 1 else "too_few_readings"
    return Consumption(
        rounded(volume_ml * 100, distance_km) if good else None, distance_km, volume_ml, len(readings), good,
        tuple(sorted(left_out, key=lambda one: one.at)), reason,
    )  # fmt: skip


def _readings(fills: Sequence[Fill]) -> list[_Reading]:
    """The odometer at full fills, the newest MOST_READINGS."""
    largest = max((fill.received_ml for fill in fills), default=0)
    full = [
        _Reading(fill.at, fill.odometer_km)
        for fill in fills if fill.at and fill.odometer_km is not None and 2 * fill.received_ml >= largest
    ]  # fmt: skip
    return sorted(full, key=lambda one: (one.at, one.odometer_km))[-MOST_READINGS:]


def _chain(readings: Sequence[_Reading]) -> list[_Reading]:
    """The most readings of which each leads to the next; of several such chains the one that ends first."""
    chains: list[list[_Reading]] = []
    for reading in readings:
        before = max((chain for chain in chains if chain[-1].leads_to(reading)), key=len, default=[])
        chains.append([*before, reading])
    return max(chains, key=len, default=[])


def _stretch(fills: Sequence[Fill], one: _Reading, other: _Reading) -> Stretch:
    bought = sum(fill.received_ml for fill in fills if fill.at and one.at < fill.at <= other.at)
    return Stretch(one.at, other.at, other.odometer_km - one.odometer_km, bought)


def _left_out(reading: _Reading, chain: Sequence[_Reading]) -> LeftOut:
    """Why it is not in the chain: it does not fit to the one before it, or else to the one after it."""
    before = [one for one in chain if one.at <= reading.at][-1:]
    after = [one for one in chain if one.at > reading.at][:1]
    pairs = [*((one, reading) for one in before), *((reading, one) for one in after)]
    one, other = next(pair for pair in pairs if not pair[0].leads_to(pair[1]))
    too_far = one.odometer_km < other.odometer_km
    return LeftOut(reading.at, reading.odometer_km, "too_far" if too_far else "not_increasing")
