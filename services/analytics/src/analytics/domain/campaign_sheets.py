"""The report of a station's campaigns for files."""

# ruff: noqa: RUF001
# Chinese has signs of its own.

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from analytics.domain.campaign_report import CampaignDay, CampaignRow, CampaignsReport
from analytics.domain.documents import Chart, Document, Sheet
from analytics.domain.reports import Head, cells, key_figures

GIVEN = (
    "campaign", "held_from", "held_until", "held_hours", "campaign_orders", "campaign_volume_ml",
    "campaign_paid_minor", "campaign_discount_minor", "campaign_points",
)  # fmt: skip
EFFECT = (
    "campaign", "compared_days", "compared_weeks", "compared_stations", "uplift_basis_points",
    "uplift_low_basis_points", "uplift_high_basis_points", "additional_volume_ml", "additional_volume_low_ml",
    "additional_volume_high_ml", "additional_litre_mills",
)  # fmt: skip
BESIDES = (
    "campaign", "orders_uplift_basis_points", "orders_uplift_low_basis_points", "orders_uplift_high_basis_points",
    "paid_uplift_basis_points", "paid_uplift_low_basis_points", "paid_uplift_high_basis_points",
)  # fmt: skip
DAYS = (
    "day", "campaign", "campaign_orders", "campaign_volume_ml", "campaign_paid_minor", "campaign_discount_minor",
)  # fmt: skip
KEY_FIGURES = ("campaigns", "campaign_discount_minor", "points")
NOTES = (
    (
        "The effect compares a campaign's hours with the same hours of the same weekdays in up to eight weeks before, "
        "and with what comparable stations of the same operator without the campaign did meanwhile. The interval has "
        "the true effect in it nine times of ten; what else changed at the station alone is in it too. Each campaign "
        "is judged by itself: of twenty that change nothing about one is said to bring more, by chance, and one less.",
        "效果将活动时段与之前最多八周内相同星期、相同时段比较，并参照同一经营者未参加活动的可比加油站。"
        "区间在十次中有九次包含真实效果；本站同期的其他变化也包含在内。"
        "各活动单独判断：每二十个没有效果的活动中，约有一个会偶然显示为增加，一个显示为减少。",
    ),
)  # fmt: skip


def document(head: Head, report: CampaignsReport, before: CampaignsReport | None) -> Document:
    """The report for files."""
    given = Chart("bar", "campaign", ("campaign_discount_minor",), "Discounts by campaign", "各活动优惠金额")
    effect = Chart(
        "bar", "campaign", ("uplift_low_basis_points", "uplift_basis_points", "uplift_high_basis_points"),
        "Effect on litres: at least, about, at most", "销量效果：下限、估计、上限",
    )  # fmt: skip
    compared = [row for row in report.rows if row.uplift_basis_points is not None]
    return head.document(
        "Campaigns", "活动报表",
        [
            _sheet("campaigns", "What they gave", "活动优惠", GIVEN, report.rows, given if report.rows else None),
            _sheet("effect", "What changed", "活动效果", EFFECT, report.rows, effect if compared else None),
            _sheet("besides", "Orders and revenue", "订单与收入效果", BESIDES, compared, None),
            _sheet("campaign-days", "By day", "每日优惠", DAYS, report.days, None),
        ],
        key_figures(report.totals, before and before.totals, KEY_FIGURES),
        [*NOTES, *((f"{name_of(row)}: {row.finding}", f"{name_of(row)}：{row.finding_zh}") for row in report.rows)],
    )  # fmt: skip


def name_of(row: CampaignRow | CampaignDay) -> str:
    """The campaign's name; its id where it is not known."""
    return row.campaign or str(row.campaign_id)


def _sheet(
    name: str, title: str, title_zh: str, columns: tuple[str, ...], rows: Sequence[Any], chart: Chart | None
) -> Sheet:
    named = [replace(row, campaign=name_of(row)) for row in rows]
    return Sheet(name, title, title_zh, columns, [cells(row, columns) for row in named], chart)
