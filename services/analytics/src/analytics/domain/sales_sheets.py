"""What reports of sales show in files: a table by time, and what was sold by grade, way of paying and discount."""

from collections.abc import Iterable, Sequence
from typing import Any

from analytics.domain.documents import Chart, Sheet
from analytics.domain.reports import cells
from analytics.domain.sales import SalesFigures

SALES_COLUMNS = (
    "orders", "volume_ml", "gross_minor", "discount_minor", "paid_minor", "refunds", "refunded_minor",
    "average_volume_ml", "average_paid_minor", "discount_basis_points", "drivers", "new_drivers", "returning_drivers",
)  # fmt: skip
KEY_FIGURES = ("paid_minor", "orders", "volume_ml", "average_volume_ml", "discount_minor", "drivers")
NOTES = (
    (
        "An order counts when it was paid, and fuel that was paid before when the pump had given it; a refund when it "
        "reached the driver.",
        "订单按支付时间计入(预付订单按加油完成时间及实际用油金额计入),退款按到账时间计入。",
    ),
    (
        "In totals, drivers and ways of paying are of the days that are not left out. New and returning drivers of a "
        "whole period are told in the report of customers.",
        "合计中的车主数和支付方式仅含未隐去的日期;整个期间的新老车主见客户报表。",
    ),
)


def time_sheet(
    name: str, title: str, title_zh: str, rows: Sequence[SalesFigures], totals: SalesFigures, chart: Chart
) -> Sheet:
    """Rows of hours or days, which the first column, named as in `chart`, tells apart."""
    columns = (chart.x, *SALES_COLUMNS)
    return Sheet(name, title, title_zh, columns, [cells(row, columns) for row in rows], chart, cells(totals, columns))


def part_sheets(totals: SalesFigures) -> list[Sheet]:
    """What the whole period consists of."""
    return [
        _parts(
            "grades", "Grades", "油品", ("fuel", "orders", "volume_ml", "gross_minor", "paid_minor"), totals.fuels,
            Chart("bar", "fuel", ("volume_ml",), "Volume by grade", "各油品加油量"),
        ),
        _parts(
            "payment", "Ways of paying", "支付方式", ("method", "orders", "paid_minor", "share_basis_points"),
            totals.methods, Chart("bar", "method", ("paid_minor",), "Revenue by way of paying", "各支付方式收入"),
        ),
        _parts("discounts", "Discounts", "优惠", ("discount", "orders", "discount_minor"), totals.discounts, None),
    ]  # fmt: skip


def _parts(
    name: str, title: str, title_zh: str, columns: tuple[str, ...], rows: Iterable[Any], chart: Chart | None
) -> Sheet:
    return Sheet(name, title, title_zh, columns, [cells(row, columns) for row in rows], chart)
