"""What the figures of pumps mean."""

# ruff: noqa: RUF001
# Chinese has signs of its own.

from analytics.domain.metric import Metric

PUMPS: tuple[Metric, ...] = (
    Metric("pumps", "count", "Pumps", "油枪数",
           "Pumps of which something was heard in the period or just before.",
           "在期间内或期间开始前不久有过消息的油枪数。"),
    Metric("pump_id", "text", "Pump", "油枪",
           "The pump, as the station calls it.",
           "油站对该油枪的编号。"),
    Metric("pump_orders", "count", "Orders", "订单数",
           "Orders placed in the period at a pump that were paid or completed.",
           "期间内在油枪下单，且已支付或已完成的订单数。"),
    Metric("cancelled_orders", "count", "Cancelled", "取消订单数",
           "Orders placed in the period that came to nothing: cancelled, rejected or expired.",
           "期间内下单但最终未成交的订单数：已取消、被拒绝或已过期。"),
    Metric("utilisation_per_mille", "per_mille", "Utilisation", "利用率",
           "The share of the time in service, of what is over of the period, in which an order was at the pump: from "
           "placing to completing, for at most an hour.",
           "期间内已过去的时间中，油枪有订单占用的时间占其可用时间的比例；占用从下单计至完成，最长一小时。"),
    Metric("turns_per_day_hundredths", "hundredths", "Turns per day", "日均周转次数",
           "Orders that were paid or completed, per pump and day of what is over of the period.",
           "已支付或已完成的订单数，按每支油枪、期间内已过去的每一天平均。"),
    Metric("waiting_seconds", "seconds", "Waiting", "等待时间",
           "The mean time from placing an order to the first of: the station confirmed it, the money was held, it was "
           "paid.",
           "从下单到以下各项中最早一项的平均时间：油站确认订单、资金被冻结、订单完成支付。"),
    Metric("waiting_p90_seconds", "seconds", "Waiting, 9 of 10", "等待时间(90%)",
           "Nine of ten orders waited no longer.",
           "十分之九的订单等待时间不超过此值。"),
    Metric("occupied_seconds", "seconds", "Time at the pump", "占用时间",
           "The mean time from placing an order that was paid or completed to its completion, else to its payment; "
           "what is longer than an hour counts as one.",
           "已支付或已完成的订单从下单到完成的平均时间，没有完成时间的计至支付；超过一小时的按一小时计。"),
    Metric("occupied_p90_seconds", "seconds", "At the pump, 9 of 10", "占用时间(90%)",
           "Nine of ten of these orders were there no longer.",
           "十分之九的上述订单占用油枪的时间不超过此值。"),
    Metric("out_of_service_seconds", "seconds", "Out of service", "停用时长",
           "For how long the pump said that it was out of order; one that says nothing for five weeks counts as in "
           "service.",
           "油枪报告自身故障停用的时长；连续五周没有任何消息的油枪视为可用。"),
    Metric("most_waiting_vehicles", "count", "Longest queue", "最长排队",
           "The most vehicles that a pump said were waiting for it; none where nobody counts them.",
           "单支油枪报告的排队车辆数的最大值；无人统计排队车辆时为空。"),
    Metric("waiting_vehicles_hundredths", "hundredths", "Queue", "平均排队",
           "The mean of the vehicles that were waiting, over what pumps said of them.",
           "油枪各次报告的排队车辆数的平均值。"),
    Metric("busiest_hour_of_day", "count", "Busiest hour", "最繁忙时段",
           "The hour of the station's clock with the highest utilisation of all pumps together; the earliest of "
           "several.",
           "按油站当地时间，所有油枪合计利用率最高的小时；有多个时取最早的一个。"),
)  # fmt: skip
