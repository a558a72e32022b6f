"""The report of a station's days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from analytics.domain.documents import Chart, Document, Sheet
from analytics.domain.periods import Period
from analytics.domain.reports import Head, key_figures
from analytics.domain.sales import DayRow, Sales, SalesFigures, totals_of
from analytics.domain.sales_sheets import KEY_FIGURES, NOTES, part_sheets, time_sheet
from analytics.domain.suppression import hidden_within

GRADE_COLUMNS = ("day", "fuel", "orders", "volume_ml", "gross_minor", "paid_minor")


@dataclass(frozen=True)
class DaysReport:
    """What a station sold, day by day."""

    totals: SalesFigures
    rows: tuple[DayRow, ...]


def days_report(period: Period, sales: Mapping[date, Sales]) -> DaysReport:
    """The report, from what was sold on the days of `period.whole_months` on which something was.

    What is about people is left out of the same days whatever else is asked for: their month decides.
    """
    nothing, days = Sales(), period.days
    small = _small(period.whole_months.days, sales)
    by_day = [sales.get(day, nothing) for day in days]
    rows = [DayRow(day=day, **one.figures(hide=day in small)) for day, one in zip(days, by_day, strict=True)]
    return DaysReport(totals_of(by_day, [place for place, day in enumerate(days) if day in small]), tuple(rows))


def _small(days: Sequence[date], sales: Mapping[date, Sales]) -> set[date]:
    counts = [len(sales[day].drivers) if day in sales else 0 for day in days]
    return {days[place] for place in hidden_within(((day.year, day.month) for day in days), counts)}


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
