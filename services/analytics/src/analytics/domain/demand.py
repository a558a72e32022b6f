"""How demand answers to a price: litres in the day after each change against the day before, pooled into an elasticity.

The method. A change that counts is at least two days after the one that counted before, so that no day is looked at
twice. The hours of the 24 after it are matched with the same hours of the 24 before; the hour in which it happened is
left out, and so are hours without a price. Of each change that gives litres before and after, and x, the logarithm of
the mean price after to the mean price before. The share of the litres that came after is fitted as
1 / (1 + exp(-(a + e x))), weighted by litres (Papke and Wooldridge, 1996): e is the elasticity, and a takes up what
makes later days busier whatever the price. A fit of logarithms of litres would do the same where many are sold, but
knows no zero. The 90 % interval is e plus and minus Student's t with n - 2 degrees of freedom times the standard error
from the residuals, each enlarged by its leverage (HC3, MacKinnon and White, 1985): it asks for no equal variances, and
there is no chance in it, so equal data give equal answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from analytics.domain.price_position import SECOND
from analytics.domain.timelines import Floats, Moments, Pieces

HOUR = 3_600 * SECOND
DAY_HOURS = 24
APART = 48 * HOUR
LEAST_CHANGES = 8
"""Six degrees of freedom, at least: with fewer the interval says nothing."""
LEAST_ORDERS_PER_CHANGE = 20
"""In the two days around a change, on average: with fewer, chance decides which day sells more."""
LEAST_SPREAD = 0.002
"""Standard deviation of x: what prices that always change alike do cannot be told from what time does."""
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
    """That counted."""
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


def changes_of(parts: Pieces, hours: Hours, since: int, until: int) -> list[Change]:
    """What happened around the changes of [since, until) that count: those of which both days are there."""
    found: list[Change] = []
    for at in parts.starts[parts.changed & (parts.starts >= since) & (parts.starts < until)].tolist():
        if (not found or at >= found[-1].at + APART) and (change := _around(at, hours)):
            found.append(change)
    return found


def _around(at: int, hours: Hours) -> Change | None:
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
        at, before_ml, after_ml, float(hours.orders[before].sum() + hours.orders[after].sum()),
        _log_ratio(hours.price, before, after), _log_ratio(hours.relative, before, after),
    )  # fmt: skip


def _log_ratio(values: Floats, before: Moments, after: Moments) -> float:
    return float(np.log(values[after].mean() / values[before].mean()))


def response(changes: Sequence[Change], relative: bool = False) -> Response:
    """The elasticity of demand to the station's price, or to its price by its neighbours'."""
    x = np.array([change.log_relative if relative else change.log_price for change in changes])
    known = np.isfinite(x)
    counted = [change for change, one in zip(changes, known.tolist(), strict=True) if one]
    x, orders = x[known], int(sum(change.orders for change in counted))
    verdict = _verdict(x, orders)
    if verdict is not Verdict.ESTIMATED:
        return Response(verdict, len(counted), orders)
    slope, error = _fit(x, *np.array([(change.before_ml, change.after_ml) for change in counted]).T)
    wide = float(stdtrit(len(counted) - 2, UPPER_TAIL)) * error
    figures = (round(BASIS_POINTS * value) for value in (slope, slope - wide, slope + wide))
    return Response(verdict, len(counted), orders, *figures)


def finding(found: Response) -> tuple[str, str]:
    """What it says, as a sentence in English and in Chinese."""
    needed = LEAST_ORDERS_PER_CHANGE * found.changes
    match found.verdict:
        case Verdict.TOO_FEW_CHANGES:
            return (
                f"Not enough data: {found.changes} changes of price counted, needed {LEAST_CHANGES}.",
                f"数据不足:计入 {found.changes} 次调价,至少需要 {LEAST_CHANGES} 次。",
            )
        case Verdict.TOO_FEW_ORDERS:
            return (
                f"Not enough data: {found.orders} orders around {found.changes} changes of price, needed {needed}.",
                f"数据不足:{found.changes} 次调价前后共 {found.orders} 笔订单,至少需要 {needed} 笔。",
            )
        case Verdict.TOO_MUCH_ALIKE:
            return (
                "Not enough data: the price changed by nearly the same each time, as time itself might do.",
                "数据不足:每次调价的幅度几乎相同,无法与时间因素区分。",
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


def _verdict(x: Floats, orders: int) -> Verdict:
    if len(x) < LEAST_CHANGES:
        return Verdict.TOO_FEW_CHANGES
    if orders < LEAST_ORDERS_PER_CHANGE * len(x):
        return Verdict.TOO_FEW_ORDERS
    return Verdict.ESTIMATED if x.std() >= LEAST_SPREAD else Verdict.TOO_MUCH_ALIKE


def _fit(x: Floats, before: Floats, after: Floats) -> tuple[float, float]:
    """The slope and its standard error; x is brought to a spread of one meanwhile, so that Newton's steps are tame."""
    scale = x.std()
    z = np.stack([np.ones_like(x), (x - x.mean()) / scale], axis=1)
    weights, share = (before + after) / (before + after).mean(), after / (before + after)
    at, expected, inverse = np.zeros(2), share, np.eye(2)
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
    return float(at[1] / scale), float(np.sqrt(variance[1, 1]) / scale)
