"""What the figures of customers mean."""

# ruff: noqa: RUF001
# Chinese has signs of its own.

from analytics.domain.metric import Metric

CUSTOMERS: tuple[Metric, ...] = (
    Metric("driver_group", "text", "Drivers who", "车主类别",
           "new: the driver's first order ever at this station was paid in the period; returning: one had been paid "
           "before it.",
           "new（新车主）：在本站的首笔订单于期间内完成支付；returning（回头车主）：在期间之前已在本站支付过订单。"),
    Metric("lapsed_drivers", "count", "Lapsed drivers", "流失车主",
           "Drivers whose last order at this station was paid 60 days before a moment of the period, and who were not "
           "there again until its end.",
           "在本站支付最后一笔订单后满 60 天的时刻落在期间内，且直至期间结束未再到站的车主人数。", about="people"),
    Metric("median_orders", "count", "Orders per driver", "人均订单数(中位数)",
           "The median, over the drivers of the period, of how many orders each paid; of two in the middle the "
           "smaller.",
           "期间内每位车主支付的订单数的中位数；中间有两个数时取较小者。", about="people"),
    Metric("median_days_between", "count", "Days between orders", "加油间隔天数(中位数)",
           "The median time from a driver's order to the driver's next one at this station, in days, of those where "
           "the next one was paid in the period; of two in the middle the smaller.",
           "车主在本站的一笔订单到其下一笔订单的间隔天数的中位数，仅计下一笔订单于期间内支付的间隔；"
           "中间有两个数时取较小者。", about="people"),
    Metric("top_decile_basis_points", "basis_points", "Share of the top tenth", "前10%车主收入占比",
           "What part of the revenue came from the tenth of the drivers, rounded up, who paid most; left out unless "
           "that tenth and the others are at least 5 drivers each.",
           "支付金额最高的十分之一车主（人数向上取整）所贡献的收入占比；这部分车主与其余车主须各不少于 5 人，"
           "否则隐去。", about="people"),
    Metric("fills", "text", "Orders in the period", "期间加油次数",
           "How many orders a driver paid in the period.",
           "一位车主在期间内支付的订单数。"),
    Metric("driver_share_basis_points", "basis_points", "Share of drivers", "车主占比",
           "What part of the drivers of the period they are.",
           "该组车主占期间内全部车主的比例。", about="people"),
    Metric("cohort", "text", "Month of the first order", "首次加油月份",
           "The month, in the station's own time, in which the drivers' first order ever at this station was paid.",
           "该批车主在本站的首笔订单的支付月份，按油站当地时间划分。"),
    Metric("months_later", "count", "Months later", "之后第几个月",
           "How many months after that of the first order; 0 is the month itself.",
           "距首笔订单所在月份的月数；0 为该月本身。"),
    Metric("cohort_drivers", "count", "Drivers of the cohort", "同期群车主数",
           "Drivers whose first order ever at this station was paid in the month of the cohort.",
           "在本站的首笔订单于同期群所属月份内支付的车主人数。", about="people"),
    Metric("retained_drivers", "count", "Drivers who were there again", "再次到站车主数",
           "Drivers of the cohort who paid for an order at this station in the month so many months later.",
           "同期群的车主中，在相应月数之后的那个月内于本站支付过订单的人数。", about="people"),
    Metric("retention_basis_points", "basis_points", "Retention", "留存率",
           "What part of the cohort's drivers were there again.",
           "同期群的车主中再次到站者的比例。", about="people"),
)  # fmt: skip
