"""The report of a station's days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from analytics.domain.documents import Chart, Document, Sheet
from analytics.domain.periods import Period
from analytics.domain.reports import Head, key_figures
from analytics.domain.sales import DayRow, Sales, SalesFigures
from analytics.domain.sales_sheets import KEY_FIGURES, NOTES, part_sheets, time_sheet
from analytics.domain.suppression import hidden, is_small

GRADE_COLUMNS = ("day", "fuel", "orders", "volume_ml", "gross_minor", "paid_minor")


@dataclass(frozen=True)
class DaysReport:
    """What a station sold, day by day."""

    totals: SalesFigures
    rows: tuple[DayRow, ...]


def days_report(period: Period, sales: Mapping[date, Sales]) -> DaysReport:
    """The report, from what was sold on the days on which something was."""
    nothing, days = Sales(), period.days
    by_day = [sales.get(day, nothing) for day in days]
    small = hidden([len(one.drivers) for one in by_day])
    rows = [
        DayRow(day=day, **one.figures(hide=place in small))
        for place, (day, one) in enumerate(zip(days, by_day, strict=True))
    ]
    total = Sales.of(by_day)
    return DaysReport(SalesFigures(**total.figures(hide=is_small(len(total.drivers)))), tuple(rows))


def document(head: Head, report: DaysReport, before: DaysReport | None) -> Document:
    """The report for files."""
    chart = Chart("bar", "day", ("paid_minor",), "Revenue by day", "每日收入")
    by_grade = [
        (row.day, one.fuel, one.orders, one.volume_ml, one.gross_minor, one.paid_minor)
        for row in report.rows for one in row.fuels
    ]  # fmt: skip
    return head.document(
        "Days", "每日报表",
        [
            time_sheet("days", "Days", "每日", report.rows, report.totals, chart),
            *part_sheets(report.totals),
            Sheet("grades-by-day", "Grades by day", "每日油品", GRADE_COLUMNS, by_grade),
        ],
        key_figures(report.totals, before and before.totals, KEY_FIGURES), NOTES,
    )  # fmt: skip
