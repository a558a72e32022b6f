"""What a campaign changed: its days against the same hours of the weeks before, and what like stations did meanwhile.

The method. Each day of the campaign is compared with the same hours of the same weekday in the BASELINE_WEEKS before it
began; days on which the station sold nothing at all were not open, and do not count. What was to be expected of a day
is the mean of those before, times what comparable stations without the campaign did on that day by their own means
(difference in differences). The effect is all that was sold by all that was to be expected. With fewer comparable
stations than LEAST_STATIONS growth looks like an effect: then the plain change is given, and no verdict.

How far it may be off is told by the days before: how far was each from its own mean, and from what comparable stations
did? From these deviations DRAWS campaigns without an effect are drawn (a bootstrap over days, for the days of the
campaign and for those of the means), and the effect with less than 5 % and more than 95 % of them gives the 90 %
interval. It is widened by what so few days may hide (Student's t for the normal distribution), and where a day
resembles the day before, by the days that are less for it. The draws are seeded, so equal data give equal answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from analytics.domain.grids import Flags, Floats

FIGURES = ("volume_ml", "orders", "paid_minor")
"""What is compared, in the order of the first axis of every array of what was sold."""
VOLUME, ORDERS, PAID = range(3)
BASELINE_WEEKS = 8
BASELINE_DAYS = 7 * BASELINE_WEEKS
LEAST_WEEKS = 4
"""With fewer of a weekday, a day that was unlike the others would decide."""
LEAST_ORDERS = 30
"""In the campaign's hours of all weeks before: with fewer, chance does."""
FURTHEST_DAYS = 182
"""Half a year after a campaign began, the weeks before it say little of what there would be without it."""
LEAST_STATIONS, MOST_STATIONS = 3, 5
LEAST_OPEN = 0.8
"""Of the days that are compared a comparable station was open on at least so many, and so was each of several that are
taken as one."""
DRAWS = 1_000
TAIL = 0.05
LARGEST_NOISE = 0.9
"""Where days without a campaign may be so far from what is expected, nothing can be told."""
BASIS_POINTS = 10_000


class Verdict(StrEnum):
    """What can be said of an effect on litres, or why nothing can."""

    MORE = "more"
    LESS = "less"
    NONE_SEEN = "none_seen"
    TOO_FEW_WEEKS = "too_few_weeks"
    TOO_FEW_ORDERS = "too_few_orders"
    TOO_LONG_AGO = "too_long_ago"
    TOO_UNEVEN = "too_uneven"
    TOO_FEW_STATIONS = "too_few_stations"
    """Comparable: what changed is known, but not whether by the campaign."""
    NOT_HELD = "not_held"
    NOT_COMPARED = "not_compared"
    """Nobody looked."""


@dataclass(frozen=True, slots=True)
class Change:
    """An effect on one figure, with its 90 % interval: in basis points of what was to be expected, and in its unit."""

    basis_points: int
    low_basis_points: int
    high_basis_points: int
    more: int
    low_more: int
    high_more: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What a campaign changed on the days that can be compared."""

    verdict: Verdict
    days: int = 0
    """Of the campaign, that are compared."""
    weeks: int = 0
    """Before it, that a weekday is compared with: of the weekday that has most."""
    orders_before: int = 0
    """In the campaign's hours of these weeks."""
    stations: int = 0
    """That it is corrected by; 0: there were fewer than LEAST_STATIONS. Then changes are plain ones, whose intervals
    know nothing of growth."""
    changes: Mapping[str, Change] = field(default_factory=dict[str, Change])
    """By FIGURES; empty where nothing can be said."""
    discount_minor: int = 0
    """What the campaign gave on the days that are compared."""


class _Relative(NamedTuple):
    """Days by the mean of the same hours of the same weekday before; not a number where that is not known."""

    means: Floats
    """(campaign's days)"""
    before: Floats
    """(campaign's days, days before): of each day before that is of the same weekday."""
    during: Floats
    """(campaign's days)"""


def effect(own: Floats, others: Sequence[Floats], held: Flags, given_minor: Floats, seed: int) -> Effect:
    """The effect at a station, or at several as one.

    `own` is what was sold, (figure, day, hour): BASELINE_DAYS days, then those of the campaign; `others` are the same
    of stations that may be comparable. `held` says in which hours of its days the campaign held, (day, hour), and
    `given_minor` what it gave on each day.
    """
    if not held.any():
        return Effect(Verdict.NOT_HELD)
    usable = _matching(own, held)
    weeks = int(usable.sum(axis=1).max())
    figures = [_relative(sold, held, usable) for sold in own]
    used = (usable.sum(axis=1) >= LEAST_WEEKS) & _open(own)[BASELINE_DAYS:] & held.any(axis=1)
    used &= np.all([np.nan_to_num(one.means) > 0 for one in figures], axis=0)
    if not used.any():
        return Effect(Verdict.TOO_FEW_WEEKS, weeks=weeks)
    orders = np.where(usable[used], _in_hours(own[ORDERS], held)[0][used], 0).max(axis=0).sum()
    if orders < LEAST_ORDERS:
        return Effect(Verdict.TOO_FEW_ORDERS, int(used.sum()), weeks, int(orders))
    like = comparable(own, others, used)
    changes = _changes(figures, [others[one] for one in like], held, usable, used, seed)
    return Effect(
        _verdict(changes, len(like)), int(used.sum()), weeks, int(orders), len(like), changes,
        round(float(given_minor[used].sum())),
    )  # fmt: skip


def comparable(own: Floats, others: Sequence[Floats], during: Flags) -> list[int]:
    """Which of the others are most like the station, judged by the litres of its open days before alone, the best
    first: by the correlation with its own, and of those alike in that by the closest level; fewer than LEAST_STATIONS
    are none. They were open on nearly all of these days, and of those that are compared of the campaign (`during`)."""
    before = _open(own)[:BASELINE_DAYS]
    litres = own[VOLUME].sum(axis=1)[:BASELINE_DAYS][before]
    ranked: list[tuple[float, float, int]] = []
    for number, other in enumerate(others):
        theirs = other[VOLUME].sum(axis=1)[:BASELINE_DAYS][before]
        alike = _correlation(litres, theirs)
        is_open = _open(other)[:BASELINE_DAYS][before].mean(), _open(other)[BASELINE_DAYS:][during].mean()
        if alike > 0 and min(theirs.sum(), litres.sum()) > 0 and min(is_open) >= LEAST_OPEN:
            ranked.append((-round(alike, 2), abs(float(np.log(theirs.sum() / litres.sum()))), number))
    best = [number for _, _, number in sorted(ranked)[:MOST_STATIONS]]
    return best if len(best) >= LEAST_STATIONS else []


def _correlation(one: Floats, other: Floats) -> float:
    spread = float(one.std() * other.std())
    return float(((one - one.mean()) * (other - other.mean())).mean()) / spread if spread > 0 else 0.0


def _open(sold: Floats) -> Flags:
    """On which days something was sold."""
    return sold[ORDERS].sum(axis=1) > 0


def _matching(own: Floats, held: Flags) -> Flags:
    """(campaign's days, days before): whether the day before is of the same weekday, and the station was open."""
    weekday = np.arange(len(held))[:, None] % 7 == np.arange(BASELINE_DAYS)[None, :] % 7
    return weekday & _open(own)[None, :BASELINE_DAYS]


def _in_hours(sold: Floats, held: Flags) -> tuple[Floats, Floats]:
    """What was sold in a day's hours of the campaign: on each of the days before, and on the day itself."""
    hours = held.astype(np.float64)
    return hours @ sold[:BASELINE_DAYS].T, (hours * sold[BASELINE_DAYS:]).sum(axis=1)


def _relative(sold: Floats, held: Flags, usable: Flags) -> _Relative:
    before, during = _in_hours(sold, held)
    counts = usable.sum(axis=1)
    means = np.where(usable, before, 0).sum(axis=1) / np.maximum(counts, 1)
    means = np.where(means > 0, means, np.nan)
    return _Relative(means, np.where(usable, before / means[:, None], np.nan), during / means)


def _changes(
    figures: Sequence[_Relative], like: Sequence[Floats], held: Flags, usable: Flags, used: Flags, seed: int
) -> dict[str, Change]:
    """The effect on each figure; nothing where the days before are too uneven."""
    chance = np.random.default_rng(seed)
    closed = [~_open(other)[BASELINE_DAYS:] for other in like]
    matching = [usable & _open(other)[:BASELINE_DAYS] for other in like]
    found: dict[str, Change] = {}
    for number, (name, own) in enumerate(zip(FIGURES, figures, strict=True)):
        others = [_relative(other[number], held, days) for other, days in zip(like, matching, strict=True)]
        if (change := _change(own, _pace(own, others, closed), used, chance)) is None:
            return {}
        found[name] = change
    return found


def _pace(own: _Relative, others: Sequence[_Relative], closed: Sequence[Flags]) -> _Relative:
    """What comparable stations did by their own means, on average of those that were open; 1 where there are none."""
    if not others:
        return _Relative(own.means, np.ones_like(own.before), np.ones_like(own.during))
    before = _mean(np.array([one.before for one in others]))
    return _Relative(own.means, before, _mean(np.array([
        np.where(shut, np.nan, one.during) for one, shut in zip(others, closed, strict=True)
    ])))  # fmt: skip


def _mean(values: Floats) -> Floats:
    """Over the first axis, of those that are known; 1 where none is."""
    known = np.isfinite(values)
    return np.where(known.any(axis=0), np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1), 1.0)


def _change(own: _Relative, pace: _Relative, used: Flags, chance: np.random.Generator) -> Change | None:
    """The effect on a figure; None where nothing can be told."""
    means = own.means[used]
    sold, expected = float((own.during[used] * means).sum()), float((pace.during[used] * means).sum())
    low, high = _noise((own.before - pace.before)[used], means / means.sum(), chance)
    if expected <= 0 or low <= -LARGEST_NOISE or high >= 1 / (1 - LARGEST_NOISE):
        return None
    factors = [sold / expected / (1 + noise) for noise in (0.0, high, low)]
    more = [sold - sold / factor if factor > 0 else -expected for factor in factors]
    return Change(*(round(BASIS_POINTS * (one - 1)) for one in factors), *(round(one) for one in more))


def _noise(deviations: Floats, shares: Floats, chance: np.random.Generator) -> tuple[float, float]:
    """Which deviations of the whole from what is expected have less than TAIL below, and less than TAIL above.

    `deviations` are those of the days before, (campaign's days, days before), `shares` the campaign's days' of it all.
    """
    known = np.isfinite(deviations)
    weeks = known.sum(axis=1)
    of_means = (shares[:, None] * known / weeks[:, None]).sum(axis=0)
    days = of_means > 0
    grown = np.where(known, deviations * np.sqrt(weeks / (weeks - 1))[:, None], 0)
    pool = grown.sum(axis=0)[days] / known.sum(axis=0)[days]
    weights = np.concatenate([shares, -of_means[days]])
    drawn = pool[chance.integers(len(pool), size=(DRAWS, len(weights)))] @ weights
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL]) * _widening(pool, len(np.unique(np.nonzero(days)[0] % 7)))
    return float(low), float(high)


def _widening(pool: Floats, weekdays: int) -> float:
    """How much wider an interval must be for the few days that it is from, and for those that resemble each other."""
    few = float(stdtrit(len(pool) - weekdays, 1 - TAIL) / ndtri(1 - TAIL))
    alike = min(max(_correlation(pool[1:], pool[:-1]), 0.0), 0.6)
    return few * float(np.sqrt((1 + alike) / (1 - alike)))


def _verdict(changes: Mapping[str, Change], stations: int) -> Verdict:
    if not changes:
        return Verdict.TOO_UNEVEN
    if stations == 0:
        return Verdict.TOO_FEW_STATIONS
    litres = changes[FIGURES[VOLUME]]
    if litres.low_basis_points > 0:
        return Verdict.MORE
    return Verdict.LESS if litres.high_basis_points < 0 else Verdict.NONE_SEEN
