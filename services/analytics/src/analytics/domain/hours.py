"""The report of a station's hours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from analytics.domain.days import DaysReport
from analytics.domain.documents import Chart, Document, Sheet
from analytics.domain.periods import Period
from analytics.domain.reports import Head, cells, key_figures, share
from analytics.domain.sales import HourRow, Sales, SalesFigures
from analytics.domain.sales_sheets import KEY_FIGURES, NOTES, part_sheets, time_sheet
from analytics.domain.suppression import hidden_within

PROFILE_COLUMNS = ("hour_of_day", "orders", "volume_ml", "paid_minor", "average_volume_ml")


@dataclass(frozen=True)
class HourOfDay:
    """What was sold in an hour of the day by the station's own clock, on all days of the period together."""

    hour_of_day: int
    orders: int
    volume_ml: int
    paid_minor: int
    average_volume_ml: int | None


@dataclass(frozen=True)
class HoursReport:
    """What a station sold, hour by hour."""

    totals: SalesFigures
    rows: tuple[HourRow, ...]
    profile: tuple[HourOfDay, ...]


def hours_report(period: Period, sales: Mapping[datetime, Sales], days: DaysReport) -> HoursReport:
    """The report, from what was sold in the hours in which something was, and the report of the same days.

    What is about people is left out of small hours, and of all hours of a day of which it is: the report of days tells
    what they come to.
    """
    nothing, hours = Sales(), period.hours
    by_hour = [sales.get(hour, nothing) for hour in hours]
    of_days = [period.day_of(hour) for hour in hours]
    small = hidden_within(of_days, [len(one.drivers) for one in by_hour])
    small_days = {row.day for row in days.rows if row.suppressed}
    rows = [
        HourRow(hour=hour, **one.figures(hide=place in small or (bool(one.drivers) and of_days[place] in small_days)))
        for place, (hour, one) in enumerate(zip(hours, by_hour, strict=True))
    ]
    return HoursReport(days.totals, tuple(rows), _profile(period, sales))


def _profile(period: Period, sales: Mapping[datetime, Sales]) -> tuple[HourOfDay, ...]:
    sums = [(0, 0, 0)] * 24
    for hour, one in sales.items():
        orders, volume_ml, paid_minor = sums[clock := hour.astimezone(period.zone).hour]
        more = one.sums
        sums[clock] = orders + more["orders"], volume_ml + more["volume_ml"], paid_minor + more["paid_minor"]
    return tuple(HourOfDay(clock, *of, share(of[1], of[0], 1)) for clock, of in enumerate(sums))


def document(head: Head, report: HoursReport, before: HoursReport | None) -> Document:
    """The report for files."""
    chart = Chart("line", "hour", ("paid_minor",), "Revenue by hour", "每小时收入")
    by_clock = Chart("bar", "hour_of_day", ("orders",), "Orders by hour of the day", "各时段订单数")
    profile = [cells(row, PROFILE_COLUMNS) for row in report.profile]
    return head.document(
        "Hours", "小时报表",
        [
            Sheet("profile", "Hours of the day", "一天各时段", PROFILE_COLUMNS, profile, by_clock),
            time_sheet("hours", "Hours", "小时", report.rows, report.totals, chart),
            *part_sheets(report.totals),
        ],
        key_figures(report.totals, before and before.totals, KEY_FIGURES), NOTES,
    )  # fmt: skip
