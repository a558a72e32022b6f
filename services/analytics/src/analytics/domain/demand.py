"""How demand answers to a price: litres in the day after each change against the day before, pooled into an elasticity.

The method. A change that counts is at least two days after the one that counted before, so that no day is looked at
twice. The hours of the 24 after it are matched with the same hours of the 24 before; the hour in which it happened is
left out, and so are hours without a price. Saturdays are no Fridays, whatever a price does: changes are compared with
those of the same weekday alone, which of prices that go with the week leaves nothing to compare. Of each change that
gives litres before and after, and x, the logarithm of the mean price after to the mean price before. The share of the
litres that came after is fitted as 1 / (1 + exp(-(a + e x))), weighted by litres (Papke and Wooldridge, 1996): e is the
elasticity, and a, one for each weekday, takes up what makes that day busier than the one before whatever the price. A
fit of logarithms of litres would do the same where many are sold, but knows no zero. The 90 % interval is e plus and
minus Student's t with n - 1 degrees of freedom, less one for each weekday, times the standard error from the residuals,
each enlarged by its leverage (HC3, MacKinnon and White, 1985): it asks for no equal variances, and there is no chance
in it, so equal data give equal answers.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from scipy.special import stdtrit

from analytics.domain.price_position import SECOND
from analytics.domain.timelines import Flags, Floats, Moments, Pieces

HOUR = 3_600 * SECOND
DAY_HOURS = 24
APART = 48 * HOUR
LEAST_FREE = 6
"""Degrees of freedom: with fewer the interval says nothing."""
LEAST_ORDERS_PER_CHANGE = 20
"""In the two days around a change, on average: with fewer, chance decides which day sells more."""
LEAST_SPREAD = 0.002
"""Standard deviation of x on a weekday: what prices that always change alike do cannot be told from what time does."""
BASIS_POINTS = 100
"""In one per cent."""
UPPER_TAIL = 0.95
"""Of an interval that has 90 % in it."""
STEPS, LONGEST_STEP = 50, 2.0
"""Of Newton's method: where nearly all was sold on one side, a full step would go far beyond."""


class Verdict(StrEnum):
    """Whether an elasticity could be told, or why not."""

    ESTIMATED = "estimated"
    TOO_FEW_CHANGES = "too_few_changes"
    TOO_FEW_ORDERS = "too_few_orders"
    TOO_MUCH_ALIKE = "too_much_alike"


class Hours(NamedTuple):
    """Hours one after the other, without a gap: what was asked and sold in each."""

    starts: Moments
    price: Floats
    """Mean mills of the station; not a number where it was not sold for the whole hour."""
    relative: Floats
    """Mean of its price by its neighbours' mean; not a number where they were not compared for the whole hour."""
    volume_ml: Floats
    orders: Floats


class Change(NamedTuple):
    """What happened around one change of price."""

    at: int
    weekday: int
    """0 to 6: of the day, by the station's clock, in which most of the 24 hours after it lie."""
    before_ml: float
    after_ml: float
    orders: float
    log_price: float
    log_relative: float
    """Not a number where neighbours were not there for all of the hours."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a price that is 1 % higher does to litres, in basis points, with its 90 % interval: -200 for 2 % less."""

    verdict: Verdict
    changes: int
    """That counted: those of a weekday on which there was another."""
    weekdays: int
    """On which they were."""
    orders: int
    """Around them."""
    effect_basis_points: int | None = None
    low_basis_points: int | None = None
    high_basis_points: int | None = None


def hourly(parts: Pieces, edges: Moments, volume_ml: Floats, orders: Floats) -> Hours:
    """Prices of each hour between the edges, with what was sold in it."""
    size = len(edges) - 1
    hour = np.searchsorted(edges, parts.starts, "right") - 1
    sold = np.where(parts.own > 0, parts.lengths, 0)
    compared = np.where(parts.neighbours > 0, sold, 0)
    ratio = parts.own / np.where(parts.neighbours > 0, parts.others, 1)

    def mean(values: Floats, lengths: Moments) -> Floats:
        whole = np.bincount(hour, weights=lengths, minlength=size) >= np.diff(edges)
        return np.where(whole, np.bincount(hour, weights=lengths * values, minlength=size) / np.diff(edges), np.nan)

    return Hours(edges[:-1], mean(parts.own.astype(np.float64), sold), mean(ratio, compared), volume_ml, orders)


def changes_of(parts: Pieces, hours: Hours, since: int, until: int, zone: ZoneInfo) -> list[Change]:
    """What happened around the changes of [since, until) that count: those of which both days are there."""
    found: list[Change] = []
    for at in parts.starts[parts.changed & (parts.starts >= since) & (parts.starts < until)].tolist():
        if (not found or at >= found[-1].at + APART) and (change := _around(at, hours, zone)):
            found.append(change)
    return found


def _around(at: int, hours: Hours, zone: ZoneInfo) -> Change | None:
    """None where the days are not both there, or nothing was sold on one of them: it was closed, or not watched yet."""
    first = int(np.searchsorted(hours.starts, at))
    last = int(np.searchsorted(hours.starts, at + (DAY_HOURS - 1) * HOUR, "right"))
    if first < DAY_HOURS or last > len(hours.starts) - 1:
        return None
    after = np.arange(first, last)
    after = after[np.isfinite(hours.price[after]) & np.isfinite(hours.price[after - DAY_HOURS])]
    before = after - DAY_HOURS
    before_ml, after_ml = float(hours.volume_ml[before].sum()), float(hours.volume_ml[after].sum())
    if before_ml <= 0 or after_ml <= 0:
        return None
    return Change(
        at, _weekday(at, zone), before_ml, after_ml, float(hours.orders[before].sum() + hours.orders[after].sum()),
        _log_ratio(hours.price, before, after), _log_ratio(hours.relative, before, after),
    )  # fmt: skip


def _weekday(at: int, zone: ZoneInfo) -> int:
    return datetime.fromtimestamp((at + DAY_HOURS // 2 * HOUR) // SECOND, UTC).astimezone(zone).weekday()


def _log_ratio(values: Floats, before: Moments, after: Moments) -> float:
    return float(np.log(values[after].mean() / values[before].mean()))


def response(changes: Sequence[Change], relative: bool = False) -> Response:
    """The elasticity of demand to the station's price, or to its price by its neighbours'."""
    known = [(change.log_relative if relative else change.log_price, change) for change in changes]
    known = [(x, change) for x, change in known if np.isfinite(x)]
    times = Counter(change.weekday for _, change in known)
    counted = [(x, change) for x, change in known if times[change.weekday] > 1]
    orders = int(sum(change.orders for _, change in counted))
    on = np.array([[change.weekday == day for _, change in counted] for day in sorted(times) if times[day] > 1])
    x = _apart(np.array([x for x, _ in counted]), on)
    found = Response(_verdict(x, len(on), orders), len(counted), len(on), orders)
    if found.verdict is not Verdict.ESTIMATED:
        return found
    slope, error = _fit(x, on, *np.array([(change.before_ml, change.after_ml) for _, change in counted]).T)
    wide = float(stdtrit(len(counted) - 1 - len(on), UPPER_TAIL)) * error
    effect, low, high = (round(BASIS_POINTS * value) for value in (slope, slope - wide, slope + wide))
    return replace(found, effect_basis_points=effect, low_basis_points=low, high_basis_points=high)


def _apart(x: Floats, on: Flags) -> Floats:
    """How far each is from the mean of its weekday; `on`: (weekday, change)."""
    return x - sum((np.where(day, x[day].mean(), 0) for day in on), np.zeros_like(x))


def finding(found: Response) -> tuple[str, str]:
    """What it says, as a sentence in English and in Chinese."""
    orders, changes = LEAST_ORDERS_PER_CHANGE * found.changes, _least_changes(found.weekdays)
    match found.verdict:
        case Verdict.TOO_FEW_CHANGES:
            return (
                f"Not enough data: {found.changes} changes of price counted, needed {changes}; only those of the same "
                "weekday can be compared.",
                f"数据不足:计入 {found.changes} 次调价,至少需要 {changes} 次;仅同一星期几的调价可相互比较。",
            )
        case Verdict.TOO_FEW_ORDERS:
            return (
                f"Not enough data: {found.orders} orders around {found.changes} changes of price, needed {orders}.",
                f"数据不足:{found.changes} 次调价前后共 {found.orders} 笔订单,至少需要 {orders} 笔。",
            )
        case Verdict.TOO_MUCH_ALIKE:
            return (
                "Not enough data: the price changed by nearly the same on equal weekdays, as the week itself might do.",
                "数据不足:同一星期几的调价幅度几乎相同,无法与一周内的自然变化区分。",
            )
        case Verdict.ESTIMATED:
            return _estimate(found.effect_basis_points or 0, found.low_basis_points or 0, found.high_basis_points or 0)


def _estimate(effect: int, low: int, high: int) -> tuple[str, str]:
    if low <= 0 <= high:
        return (
            f"No response can be seen: for a price 1 % higher, between {_more(low)} and {_more(high)} litres.",
            f"看不出销量对价格的反应:价格每高 1%,销量变化在 {low / 100:+.1f}% 与 {high / 100:+.1f}% 之间。",
        )
    return (
        f"For a price 1 % higher about {_more(effect)} litres (between {_more(low)} and {_more(high)}).",
        f"价格每高 1%,销量约变化 {effect / 100:+.1f}%(区间 {low / 100:+.1f}% 至 {high / 100:+.1f}%)。",
    )


def _more(basis_points: int) -> str:
    return f"{abs(basis_points) / 100:.1f} % {'less' if basis_points < 0 else 'more'}"


def _least_changes(weekdays: int) -> int:
    return LEAST_FREE + 1 + max(weekdays, 1)


def _verdict(x: Floats, weekdays: int, orders: int) -> Verdict:
    if len(x) < _least_changes(weekdays):
        return Verdict.TOO_FEW_CHANGES
    if orders < LEAST_ORDERS_PER_CHANGE * len(x):
        return Verdict.TOO_FEW_ORDERS
    return Verdict.ESTIMATED if x.std() >= LEAST_SPREAD else Verdict.TOO_MUCH_ALIKE


def _fit(x: Floats, on: Flags, before: Floats, after: Floats) -> tuple[float, float]:
    """The slope beside a level of each weekday, and its standard error; x adds up to nothing on each. It is brought to
    a spread of one meanwhile, so that Newton's steps are tame."""
    scale = x.std()
    z = np.column_stack([*on, x / scale])
    weights, share = (before + after) / (before + after).mean(), after / (before + after)
    at, expected, inverse = np.zeros(len(on) + 1), share, np.eye(len(on) + 1)
    for _ in range(STEPS):
        expected = 1 / (1 + np.exp(-np.clip(z @ at, -50, 50)))
        inverse = np.linalg.inv((z * (weights * expected * (1 - expected))[:, None]).T @ z)
        step = np.clip(inverse @ (z.T @ (weights * (share - expected))), -LONGEST_STEP, LONGEST_STEP)
        at = at + step
        if np.abs(step).max() < 1e-10:
            break
    leverage = weights * expected * (1 - expected) * np.einsum("ij,jk,ik->i", z, inverse, z)
    scores = z * (weights * (share - expected) / np.maximum(1 - leverage, 1e-6))[:, None]
    variance = inverse @ (scores.T @ scores) @ inverse
    return float(at[-1] / scale), float(np.sqrt(variance[-1, -1]) / scale)
