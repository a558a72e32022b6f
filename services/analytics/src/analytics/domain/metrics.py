"""What each figure of a report means: the one table that reports, their files, the docs and the tests share."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal[
    "moment", "date", "text", "count", "minor", "ml", "mills", "basis_points", "seconds", "metres", "points",
    "ml_per_100km", "per_mille", "hundredths",
]  # fmt: skip
"""How a value is stored and sent: `minor` of the report's currency, `mills` of it a litre, `ml`: millilitres, or grams
of CNG and hydrogen, `basis_points`: 10,000 are the whole, `hundredths`: of a number. All are integers, but moments,
dates and texts."""


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
    Metric("orders", "count", "Orders", "订单数", "Orders that were paid in the period; one that was paid before "
           "fuelling counts, with all of its figures, when the pump had given the fuel."),
    Metric("volume_ml", "ml", "Volume", "加油量", "Fuel of the orders, as dispensed, less fuel that a refund says was "
           "not received, by when that reached the driver."),
    Metric("gross_minor", "minor", "At the pump", "挂牌金额", "What the fuel of paid orders cost before discounts; "
           "what a pump gave beyond the amount that was authorised is not in it, for nobody pays it."),
    Metric("discount_minor", "minor", "Discounts", "优惠金额", "What campaigns, coupons and points took off."),
    Metric("paid_minor", "minor", "Revenue", "收入", "What drivers paid: at the pump less discounts, before refunds, "
           "and without what was paid before fuelling and not used."),
    Metric("refunded_minor", "minor", "Refunds", "退款金额", "What went back to drivers of revenue, by when it reached "
           "them."),
    # Hours, days and the overview
    Metric("fuel", "text", "Grade", "油品", "The grade of fuel."),
    Metric("method", "text", "Way of paying", "支付方式",
           "How it was paid: wechat, alipay, fuel_card; none where discounts left nothing to pay; other: all ways that "
           "fewer than 5 orders were paid in, and the next one where these are fewer than 5 together."),
    Metric("discount", "text", "Discount", "优惠类型", "What took it off: campaign, card_discount, coupon, points."),
    Metric("hour_of_day", "count", "Hour of the day", "一天中的时段",
           "The hour from 0 to 23 by the station's own clock, on all days of the period together."),
    Metric("refunds", "count", "Refunds made", "退款笔数",
           "Refunds of revenue, of a part or the whole, that reached a driver."),
    Metric("average_volume_ml", "ml", "Average fill", "平均加油量",
           "Volume divided by orders; none where there was no order."),
    Metric("average_paid_minor", "minor", "Average revenue", "平均收入",
           "Revenue divided by orders; none where there was no order."),
    Metric("discount_basis_points", "basis_points", "Discount share", "优惠占比",
           "Discounts as a share of the amount at the pump; none where that is nothing."),
    Metric("share_basis_points", "basis_points", "Share", "占比",
           "What part of the orders whose way of paying is told were paid in this way; in totals of hours and days, "
           "of those of the days that are not left out."),
    Metric("station_id", "text", "Station id", "油站编号", "The id by which a station is known everywhere here."),
    Metric("station", "text", "Station", "油站", "The station's name."),
    Metric("currency", "text", "Currency", "币种", "The currency of the amounts, by its ISO 4217 code."),
    Metric("revenue_share_basis_points", "basis_points", "Share of revenue", "收入占比",
           "The station's part of the revenue of all stations of the report in its currency."),
    Metric("revenue_change_basis_points", "basis_points", "Change of revenue", "收入变化",
           "From the revenue of the days that are compared with, as a part of that; none where it was nothing."),
    Metric("drivers", "count", "Drivers", "车主数",
           "Different drivers whose order was paid in the period, however often each came; in totals of hours and "
           "days, on the days that are not left out.", about="people"),
    Metric("new_drivers", "count", "New drivers", "新车主",
           "Drivers whose first order ever at this station was paid in the period; left out with those who returned "
           "where either are fewer than 5, and in totals of hours and days where it is of one of the days.",
           about="people"),
    Metric("returning_drivers", "count", "Returning drivers", "回头车主",
           "Drivers of the period who had paid for an order at this station before it; left out as the new ones are.",
           about="people"),
    # Customers
    Metric("driver_group", "text", "Drivers who", "车主类别",
           "new: the driver's first order ever at this station was paid in the period; returning: one had been paid "
           "before it."),
    Metric("lapsed_drivers", "count", "Lapsed drivers", "流失车主",
           "Drivers whose last order at this station was paid 60 days before a moment of the period, and who were not "
           "there again until its end.", about="people"),
    Metric("median_orders", "count", "Orders per driver", "人均订单数(中位数)",
           "The median, over the drivers of the period, of how many orders each paid; of two in the middle the "
           "smaller.", about="people"),
    Metric("median_days_between", "count", "Days between orders", "加油间隔天数(中位数)",
           "The median time from a driver's order to the driver's next one at this station, in days, of those where "
           "the next one was paid in the period; of two in the middle the smaller.", about="people"),
    Metric("top_decile_basis_points", "basis_points", "Share of the top tenth", "前10%车主收入占比",
           "What part of the revenue came from the tenth of the drivers, rounded up, who paid most; left out unless "
           "that tenth and the others are at least 5 drivers each.", about="people"),
    Metric("fills", "text", "Orders in the period", "期间加油次数", "How many orders a driver paid in the period."),
    Metric("driver_share_basis_points", "basis_points", "Share of drivers", "车主占比",
           "What part of the drivers of the period they are.", about="people"),
    Metric("cohort", "text", "Month of the first order", "首次加油月份",
           "The month, in the station's own time, in which the drivers' first order ever at this station was paid."),
    Metric("months_later", "count", "Months later", "之后第几个月",
           "How many months after that of the first order; 0 is the month itself."),
    Metric("cohort_drivers", "count", "Drivers of the cohort", "同期群车主数",
           "Drivers whose first order ever at this station was paid in the month of the cohort.", about="people"),
    Metric("retained_drivers", "count", "Drivers who were there again", "再次到站车主数",
           "Drivers of the cohort who paid for an order at this station in the month so many months later.",
           about="people"),
    Metric("retention_basis_points", "basis_points", "Retention", "留存率",
           "What part of the cohort's drivers were there again.", about="people"),
    # Prices
    Metric("price_mills", "mills", "Price", "价格",
           "The mean of the station's price, each weighted by how long it held; none where it was never sold."),
    Metric("neighbour_price_mills", "mills", "Neighbours' price", "周边价格",
           "The mean, by time, of what the neighbours that sold the grade asked on average, while the station had it."),
    Metric("price_difference_mills", "mills", "Dearer by", "高出金额",
           "The mean, by time, of the station's price less the neighbours' mean, while both had one; below zero: "
           "it was cheaper."),
    Metric("price_difference_per_mille", "per_mille", "Dearer by (share)", "高出比例",
           "The difference to the neighbours' price as a share of that."),
    Metric("price_rank", "count", "Rank", "价格排名",
           "One more than the number of neighbours that asked less, averaged by time and rounded; 1 is the cheapest."),
    Metric("neighbours", "count", "Neighbours", "周边站数",
           "The most neighbours that sold the grade at one time while the station sold it."),
    Metric("cheapest_per_mille", "per_mille", "Time cheapest", "最低价时间占比",
           "The share of the compared time in which no neighbour asked less."),
    Metric("price_changes", "count", "Price changes", "调价次数",
           "How often another price began to hold; that the grade came on sale or left it is no change."),
    Metric("confirmations", "count", "Confirmations", "价格确认次数",
           "How often the station said a price again, as far as others were told (once an hour at most), by UTC days."),
    Metric("sold_seconds", "seconds", "Time on sale", "在售时长", "For how long the station had a price."),
    Metric("compared_seconds", "seconds", "Time compared", "可比时长",
           "For how long the station and at least one neighbour had a price."),
    Metric("price_kind", "text", "Price", "价格口径",
           "What demand answers to: own, the station's price, or relative, its price divided by its neighbours' mean."),
    Metric("counted_changes", "count", "Changes counted", "计入调价次数",
           "Changes of price at least two days apart with sales on the day before and on the day after, on weekdays "
           "that have more than one of them."),
    Metric("counted_orders", "count", "Orders around them", "相关订单数",
           "Orders paid on the days before and after the changes that count."),
    Metric("price_effect_basis_points", "basis_points", "Effect of 1%", "每高 1% 的影响",
           "How much more (below zero: less) is sold where the price is 1 % higher, estimated from the days before "
           "and after each change that counts, beside other changes of the same weekday."),
    Metric("price_effect_low_basis_points", "basis_points", "Effect, at least", "影响下限",
           "The lower end of the interval that has the true effect in it nine times of ten; of ten prices that nobody "
           "minds about one interval leaves out zero, by chance."),
    Metric("price_effect_high_basis_points", "basis_points", "Effect, at most", "影响上限",
           "The upper end of the interval that has the true effect in it nine times of ten."),
    Metric("finding", "text", "Finding", "结论", "What the figures say, in a sentence."),
    Metric("finding_zh", "text", "Finding in Chinese", "中文结论", "The same sentence in Chinese."),
    Metric("neighbour", "text", "Station", "加油站",
           "One of the ten nearest other stations within 5 km that were open in the period."),
    Metric("neighbour_brand", "text", "Brand", "品牌", "Under which the station sells."),
    Metric("distance_m", "metres", "Distance", "距离", "Between the stations in a straight line."),
    # Campaigns
    Metric("campaign_id", "text", "Campaign's id", "活动编号", "Which campaign it is."),
    Metric("campaign", "text", "Campaign", "活动", "The campaign's name; none where only its id was ever heard of."),
    Metric("campaigns", "count", "Campaigns", "活动数", "Campaigns that held at the station in the period, or gave "
           "something there."),
    Metric("stations", "count", "Stations", "加油站数", "Stations of yours at which the campaign is; its effect is "
           "told from those of them that were open on at least four of five days before it and during it."),
    Metric("time_zone", "text", "Time zone", "时区", "The IANA name of the stations' time zone."),
    Metric("held_from", "moment", "Held from", "活动开始", "When the campaign's first span of time that reaches into "
           "the period began; one that is paused and goes on has several."),
    Metric("held_until", "moment", "Held until", "活动结束", "When the last of these spans ends or ended; none where "
           "no end is known."),
    Metric("held_hours", "count", "Hours", "活动小时数", "Hours of the period, of those that are over, in at least "
           "half of which the campaign held at the station."),
    Metric("campaign_orders", "count", "Orders with it", "活动订单数", "Orders paid in the period from which the "
           "campaign took something off."),
    Metric("campaign_volume_ml", "ml", "Volume with it", "活动加油量", "Fuel of these orders."),
    Metric("campaign_paid_minor", "minor", "Revenue with it", "活动收入", "What drivers paid for these orders."),
    Metric("campaign_discount_minor", "minor", "Given", "活动优惠金额", "What the campaign took off these orders."),
    Metric("campaign_accruals", "count", "Orders with its points", "活动积分笔数", "How many times drivers got points "
           "that the campaign multiplied."),
    Metric("campaign_points", "points", "Points with it", "活动积分", "The points that they got then, all of them, "
           "before any were taken back after a refund."),
    Metric("accruals", "count", "Orders with points", "积分笔数", "How many times drivers got points for an order at "
           "the station."),
    Metric("points", "points", "Points", "积分", "Points that drivers got for orders at the station, before any were "
           "taken back after a refund."),
    Metric("verdict", "text", "Effect", "效果判断", "more or less litres than were to be expected; none_seen: neither "
           "is sure; or why nothing can be told; of twenty campaigns that change nothing about one is said "
           "to bring more, by chance, and one less."),
    Metric("compared_days", "count", "Days compared", "对比天数", "Days of the campaign on which the station was open "
           "and that at least four of the eight weeks before can be compared with."),
    Metric("compared_weeks", "count", "Weeks before", "对比周数", "How many of the eight weeks before the campaign a "
           "weekday is compared with; of the weekday that has most."),
    Metric("compared_stations", "count", "Comparable stations", "可比加油站", "Stations of the operator nearby, "
           "without the campaign and most alike, by whose days the effect is corrected; 0: there are fewer than "
           "three, and growth cannot be told from an effect."),
    Metric("uplift_basis_points", "basis_points", "Litres, change", "销量变化", "Litres of the campaign's hours "
           "against the same hours of the weeks before, corrected by what comparable stations did; without such "
           "stations the plain change, whatever it is by."),
    Metric("uplift_low_basis_points", "basis_points", "Litres, at least", "销量变化下限", "The lower end of the "
           "interval that has the true change in it nine times of ten; none for a plain change."),
    Metric("uplift_high_basis_points", "basis_points", "Litres, at most", "销量变化上限", "The upper end of the "
           "interval that has the true change in it nine times of ten; none for a plain change."),
    Metric("orders_uplift_basis_points", "basis_points", "Orders, change", "订单变化", "The same change of orders."),
    Metric("orders_uplift_low_basis_points", "basis_points", "Orders, at least", "订单变化下限", "The lower end of "
           "the interval of the change of orders."),
    Metric("orders_uplift_high_basis_points", "basis_points", "Orders, at most", "订单变化上限", "The upper end of "
           "the interval of the change of orders."),
    Metric("paid_uplift_basis_points", "basis_points", "Revenue, change", "收入变化", "The same change of revenue."),
    Metric("paid_uplift_low_basis_points", "basis_points", "Revenue, at least", "收入变化下限", "The lower end of the "
           "interval of the change of revenue."),
    Metric("paid_uplift_high_basis_points", "basis_points", "Revenue, at most", "收入变化上限", "The upper end of the "
           "interval of the change of revenue."),
    Metric("additional_volume_ml", "ml", "Additional volume", "增加销量", "Litres sold on the days compared beyond "
           "what was to be expected; below zero: fewer; none without comparable stations."),
    Metric("additional_volume_low_ml", "ml", "Additional, at least", "增加销量下限", "The lower end of the interval "
           "of the additional volume."),
    Metric("additional_volume_high_ml", "ml", "Additional, at most", "增加销量上限", "The upper end of the interval "
           "of the additional volume."),
    Metric("additional_litre_mills", "mills", "Cost of an additional litre", "每增售一升成本", "What the campaign "
           "took off on the days compared, divided by the additional volume; none where it is not sure that there is "
           "any."),
    # Pumps
    Metric("pumps", "count", "Pumps", "油枪数", "Pumps of which something was heard in the period or just before."),
    Metric("pump_id", "text", "Pump", "油枪", "The pump, as the station calls it."),
    Metric("pump_orders", "count", "Orders", "订单数", "Orders placed in the period at a pump that were paid or "
           "completed."),
    Metric("cancelled_orders", "count", "Cancelled", "取消订单数", "Orders placed in the period that came to nothing: "
           "cancelled, rejected or expired."),
    Metric("utilisation_per_mille", "per_mille", "Utilisation", "利用率", "The share of the time in service, of what "
           "is over of the period, in which an order was at the pump: from placing to completing, for at most an "
           "hour."),
    Metric("turns_per_day_hundredths", "hundredths", "Turns per day", "日均周转次数", "Orders that were paid or "
           "completed, per pump and day of what is over of the period."),
    Metric("waiting_seconds", "seconds", "Waiting", "等待时间", "The mean time from placing an order to the first of: "
           "the station confirmed it, the money was held, it was paid."),
    Metric("waiting_p90_seconds", "seconds", "Waiting, 9 of 10", "等待时间(90%)", "Nine of ten orders waited no "
           "longer."),
    Metric("occupied_seconds", "seconds", "Time at the pump", "占用时间", "The mean time from placing an order that "
           "was paid or completed to its completion, else to its payment; what is longer than an hour counts as one."),
    Metric("occupied_p90_seconds", "seconds", "At the pump, 9 of 10", "占用时间(90%)", "Nine of ten of these orders "
           "were there no longer."),
    Metric("out_of_service_seconds", "seconds", "Out of service", "停用时长", "For how long the pump said that it was "
           "out of order; one that says nothing for five weeks counts as in service."),
    Metric("most_waiting_vehicles", "count", "Longest queue", "最长排队", "The most vehicles that a pump said were "
           "waiting for it; none where nobody counts them."),
    Metric("waiting_vehicles_hundredths", "hundredths", "Queue", "平均排队", "The mean of the vehicles that were "
           "waiting, over what pumps said of them."),
    Metric("busiest_hour_of_day", "count", "Busiest hour", "最繁忙时段", "The hour of the station's clock with the "
           "highest utilisation of all pumps together; the earliest of several."),
)  # fmt: skip
METRICS = {metric.name: metric for metric in TABLE}
