"""What each figure of a report means: the one table that reports, their files, the docs and the tests share."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal[
    "moment", "date", "text", "count", "minor", "ml", "mills", "basis_points", "seconds", "metres", "points",
    "ml_per_100km", "per_mille",
]  # fmt: skip
"""How a value is stored and sent: `minor` of the report's currency, `mills` of it a litre, `ml`: millilitres, or grams
of CNG and hydrogen, `basis_points`: 10,000 are the whole. All are integers, but moments, dates and texts."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. Its name is the same in JSON, CSV, XLSX, PDF and on topics."""

    name: str
    unit: Unit
    title: str
    title_zh: str
    definition: str
    """One sentence that says exactly what is counted, when, and what is not."""
    about: Literal["books", "people"] = "books"
    """`people`: it would say something of single drivers where a group is small; it is left out for fewer than
    LEAST_DRIVERS."""


LEAST_DRIVERS = 5
"""Groups of fewer drivers are suppressed: nobody is to be found in a report."""

TABLE: tuple[Metric, ...] = (
    Metric("hour", "moment", "Hour", "时段", "The hour in which it happened, by its beginning in UTC."),
    Metric("day", "date", "Day", "日期", "The day in the station's own time."),
    Metric("orders", "count", "Orders", "订单数", "Orders that were paid in the period."),
    Metric("volume_ml", "ml", "Volume", "加油量", "Fuel of the orders, as dispensed; of orders that were paid before "
           "fuelling it counts when they are completed. Fuel that a refund says was not received is taken off."),
    Metric("gross_minor", "minor", "At the pump", "挂牌金额", "What the fuel of paid orders cost before discounts."),
    Metric("discount_minor", "minor", "Discounts", "优惠金额", "What campaigns, coupons and points took off."),
    Metric("paid_minor", "minor", "Revenue", "收入", "What drivers paid: at the pump less discounts, before refunds."),
    Metric("refunded_minor", "minor", "Refunds", "退款金额", "What went back to drivers, by when it reached them."),
)  # fmt: skip
METRICS = {metric.name: metric for metric in TABLE}
