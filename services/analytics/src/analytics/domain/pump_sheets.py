"""The report of a station's pumps for files."""

# ruff: noqa: RUF001
# Chinese has signs of its own.

from collections.abc import Sequence
from typing import Any

from analytics.domain.documents import Chart, Document, Sheet
from analytics.domain.pumps import PumpsReport
from analytics.domain.reports import Head, cells, key_figures

USE = (
    "pump_orders", "cancelled_orders", "utilisation_per_mille", "waiting_seconds", "waiting_p90_seconds",
    "occupied_seconds", "occupied_p90_seconds", "most_waiting_vehicles", "waiting_vehicles_hundredths",
)  # fmt: skip
PUMPS = ("pump_id", *USE, "turns_per_day_hundredths", "out_of_service_seconds")
HOURS = ("hour_of_day", *USE)
PUMP_HOURS = ("pump_id", "hour_of_day", "pump_orders", "utilisation_per_mille")
KEY_FIGURES = (
    "utilisation_per_mille", "pump_orders", "turns_per_day_hundredths", "waiting_p90_seconds", "occupied_seconds",
    "busiest_hour_of_day",
)  # fmt: skip
NOTES = (
    (
        "Orders count by when they were placed. A pump counts as busy from placing an order until it is completed, "
        "for at most an hour; drivers who pay otherwise are not seen here.",
        "订单按下单时间计入。从下单到完成视为占用，最长一小时；以其他方式付款的车主不在其中。",
    ),
)  # fmt: skip


def document(head: Head, report: PumpsReport, before: PumpsReport | None) -> Document:
    """The report for files."""
    by_pump = Chart("bar", "pump_id", ("utilisation_per_mille",), "Utilisation by pump", "各加油机利用率")
    by_hour = Chart("bar", "hour_of_day", ("utilisation_per_mille",), "Utilisation by hour of the day", "各时段利用率")
    waits = Chart(
        "line", "hour_of_day", ("waiting_seconds", "waiting_p90_seconds"), "Waiting by hour of the day",
        "各时段等待时间",
    )  # fmt: skip
    return head.document(
        "Pumps", "加油机报表",
        [
            _sheet("pumps", "Pumps", "加油机", PUMPS, report.rows, by_pump, cells(report.totals, PUMPS)),
            _sheet("hours-of-day", "Hours of the day", "一天中的时段", HOURS, report.hours_of_day, by_hour),
            _sheet("waiting", "Waiting", "等待", ("hour_of_day", "waiting_seconds", "waiting_p90_seconds"),
                   report.hours_of_day, waits),
            _sheet("pumps-by-hour", "Pumps by hour of the day", "各加油机各时段", PUMP_HOURS, report.pump_hours, None),
        ],
        key_figures(report.totals, before and before.totals, KEY_FIGURES), NOTES,
    )  # fmt: skip


def _sheet(
    name: str, title: str, title_zh: str, columns: tuple[str, ...], rows: Sequence[Any], chart: Chart | None,
    totals: tuple[Any, ...] | None = None,
) -> Sheet:  # fmt: skip
    return Sheet(name, title, title_zh, columns, [cells(row, columns) for row in rows], chart if rows else None, totals)
