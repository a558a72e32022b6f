"""What can be said of a campaign's effect in a sentence or two, for people, in our languages. Pure."""

# ruff: noqa: RUF001
# Chinese has signs of its own.

from collections.abc import Mapping
from dataclasses import dataclass

from analytics.domain.figures import form_of, number_text
from analytics.domain.metrics import Unit
from analytics.domain.uplift import (
    BASELINE_WEEKS,
    FIGURES,
    FURTHEST_DAYS,
    LEAST_ORDERS,
    LEAST_STATIONS,
    LEAST_WEEKS,
    VOLUME,
    Effect,
    Verdict,
)

MOST_COMPARED = 20
"""Of the campaigns of a report: the effect of each is worked out from thousands of hours."""
Words = tuple[str, str]
"""The same in English and Chinese."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An effect, and what a reader must know of it."""

    effect: Effect
    some_fuels: bool = False
    """Only the campaign's own grades were looked at."""
    others_changed: bool = False
    """Other campaigns began or ended at the station between the weeks before and the end of the days compared."""


UNKNOWN: Mapping[Verdict, Words] = {
    Verdict.TOO_FEW_WEEKS: (
        "Not enough data: of the {of} weeks before the campaign {weeks} can be compared, {least} are needed.",
        "数据不足：活动前 {of} 周中只有 {weeks} 周可比，至少需要 {least} 周。",
    ),
    Verdict.TOO_FEW_ORDERS: (
        "Not enough data: {orders} orders in these hours of the weeks before, {least_orders} are needed.",
        "数据不足：活动前同时段只有 {orders} 笔订单，至少需要 {least_orders} 笔。",
    ),
    Verdict.TOO_LONG_AGO: (
        "Not enough data: it began more than {furthest} days before; what would be without it can no longer be told.",
        "数据不足：活动开始已超过 {furthest} 天，无法再判断没有活动时的情况。",
    ),
    Verdict.TOO_UNEVEN: (
        "Nothing can be told: days without the campaign differ too much from each other.",
        "无法判断：没有活动的日子之间差异过大。",
    ),
    Verdict.NOT_HELD: (
        "Nothing to compare: it held in no whole hour of these days that is over.",
        "无可比内容：在这些日子里没有已结束的活动时段。",
    ),
    Verdict.NOT_COMPARED: (
        "Not compared: only the {most} campaigns that gave most are; ask for fewer days.",
        "未作比较：仅比较优惠金额最高的 {most} 个活动，请缩短查询日期。",
    ),
}
SEEN: Mapping[Verdict, Words] = {
    Verdict.TOO_FEW_STATIONS: (
        "Not enough comparable stations (fewer than {least_stations}) to tell the campaign from growth: litres changed "
        "by {middle} from the {weeks} weeks before.",
        "可比加油站不足 {least_stations} 座，无法区分活动效果与自然增长：销量较活动前 {weeks} 周变化 {middle}。",
    ),
    Verdict.MORE: (
        "About {middle} litres (between {low} and {high}): some {more} l more on {days} days.",
        "销量约 {middle}（介于 {low} 与 {high} 之间）：{days} 天约多售 {more} 升。",
    ),
    Verdict.LESS: (
        "About {middle} litres (between {low} and {high}): less than was to be expected on {days} days.",
        "销量约 {middle}（介于 {low} 与 {high} 之间）：{days} 天低于预期。",
    ),
    Verdict.NONE_SEEN: (
        "No effect can be seen: litres are between {low} and {high} of what was to be expected on {days} days.",
        "看不出效果：{days} 天的销量与预期相差 {low} 至 {high}。",
    ),
}
COST: Words = (" Each of them cost {cost} of discount.", "每多售一升的优惠成本为 {cost}。")
CORRECTED: Words = (
    " Compared with the {weeks} weeks before and {stations} comparable stations.",
    "对比活动前 {weeks} 周及 {stations} 座可比加油站。",
)
SOME_FUELS: Words = (" Only the campaign's grades are counted.", "仅计入活动油品。")
OTHERS: Words = (
    " Other campaigns began or ended as well: their effects cannot be told apart.",
    "同期有其他活动开始或结束，各自的效果无法区分。",
)


def finding(compared: Compared, currency: str, cost_mills: int | None) -> Words:
    """What can be said; `cost_mills`: what an additional litre cost, where that is known."""
    found = compared.effect
    parts = [SEEN[found.verdict] if found.changes else UNKNOWN[found.verdict]]
    if cost_mills is not None:
        parts.append(COST)
    if found.changes:
        parts += [CORRECTED] if found.stations else []
        parts += [SOME_FUELS] if compared.some_fuels else []
        parts += [OTHERS] if compared.others_changed else []
    figures = _figures(found, currency, cost_mills)
    english, chinese = ("".join(part[language] for part in parts).format(**figures) for language in (0, 1))
    return english, chinese


def _figures(found: Effect, currency: str, cost_mills: int | None) -> dict[str, object]:
    change = found.changes.get(FIGURES[VOLUME])
    seen = {} if change is None else {
        "middle": percent(change.basis_points), "low": percent(change.low_basis_points),
        "high": percent(change.high_basis_points), "more": _number(change.more, "ml", None, 0),
    }  # fmt: skip
    return {
        "days": found.days, "weeks": found.weeks, "stations": found.stations, "orders": found.orders_before,
        "of": BASELINE_WEEKS, "least": LEAST_WEEKS, "least_orders": LEAST_ORDERS, "furthest": FURTHEST_DAYS,
        "least_stations": LEAST_STATIONS, "most": MOST_COMPARED,
        "cost": "" if cost_mills is None else f"{_number(cost_mills, 'mills', currency, 3)} {currency}", **seen,
    }  # fmt: skip


def percent(basis_points: int) -> str:
    """`+12 %`; below ten with one decimal."""
    decimals = 0 if abs(basis_points) >= 1_000 else 1
    return ("+" if basis_points > 0 else "") + _number(basis_points, "basis_points", None, decimals) + " %"


def _number(value: int, unit: Unit, currency: str | None, decimals: int) -> str:
    form = form_of(unit, currency)
    assert form is not None  # noqa: S101 - these units are numbers
    return number_text(value, form, decimals=decimals)
