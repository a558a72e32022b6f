"""What the figures of sales mean: of hours, days and the overview; other reports have the first of them too."""

# ruff: noqa: RUF001
# Chinese has signs of its own.

from analytics.domain.metric import Metric

SALES: tuple[Metric, ...] = (
    Metric("hour", "moment", "Hour", "时段",
           "The hour in which it happened, by its beginning in UTC.",
           "事项发生所在的小时，以其起始时刻（UTC）表示。"),
    Metric("day", "date", "Day", "日期",
           "The day in the station's own time.",
           "按油站当地时间划分的日期。"),
    Metric("orders", "count", "Orders", "订单数",
           "Orders that were paid in the period; one that was paid before fuelling counts, with all of its figures, "
           "when the pump had given the fuel.",
           "期间内完成支付的订单数；先付款后加油的订单，连同其各项数据，在油枪加油完成时计入。"),
    Metric("volume_ml", "ml", "Volume", "加油量",
           "Fuel of the orders, as dispensed, less fuel that a refund says was not received, by when that reached the "
           "driver.",
           "订单的实际出油量，减去退款注明车主未加到的油量；减去的部分按退款到账时间计入。"),
    Metric("gross_minor", "minor", "At the pump", "挂牌金额",
           "What the fuel of paid orders cost before discounts; what a pump gave beyond the amount that was "
           "authorised is not in it, for nobody pays it.",
           "已支付订单的油品在优惠前的金额；油枪超出授权金额多加的部分无人支付，不计入。"),
    Metric("discount_minor", "minor", "Discounts", "优惠金额",
           "What campaigns, coupons and points took off.",
           "活动、优惠券和积分抵减的金额。"),
    Metric("paid_minor", "minor", "Revenue", "收入",
           "What drivers paid: at the pump less discounts, before refunds, and without what was paid before fuelling "
           "and not used.",
           "车主支付的金额，即挂牌金额减优惠金额；未扣除退款，不含先付款后加油时未用完的预付金额。"),
    Metric("refunded_minor", "minor", "Refunds", "退款金额",
           "What went back to drivers of revenue, by when it reached them.",
           "收入中退还给车主的金额，按到账时间计入。"),
    Metric("fuel", "text", "Grade", "油品",
           "The grade of fuel.",
           "油品的品种和牌号。"),
    Metric("method", "text", "Way of paying", "支付方式",
           "How it was paid: wechat, alipay, fuel_card; none where discounts left nothing to pay; other: all ways "
           "that fewer than 5 orders were paid in, and the next one where these are fewer than 5 together.",
           "订单的支付方式：wechat（微信支付）、alipay（支付宝）、fuel_card（加油卡）；none 表示优惠后无需支付；"
           "other 为订单不足 5 笔的各支付方式的合并，合并后仍不足 5 笔时，再并入其余方式中订单最少的一种。"),
    Metric("discount", "text", "Discount", "优惠类型",
           "What took it off: campaign, card_discount, coupon, points.",
           "抵减金额的优惠类型：campaign（活动）、card_discount（加油卡优惠）、coupon（优惠券）、points（积分）。"),
    Metric("hour_of_day", "count", "Hour of the day", "一天中的时段",
           "The hour from 0 to 23 by the station's own clock, on all days of the period together.",
           "油站当地时间的小时，从 0 到 23，期间内各日的同一小时合并统计。"),
    Metric("refunds", "count", "Refunds made", "退款笔数",
           "Refunds of revenue, of a part or the whole, that reached a driver.",
           "已到账的收入退款笔数，含部分退款和全额退款。"),
    Metric("average_volume_ml", "ml", "Average fill", "平均加油量",
           "Volume divided by orders; none where there was no order.",
           "加油量除以订单数；没有订单时为空。"),
    Metric("average_paid_minor", "minor", "Average revenue", "平均收入",
           "Revenue divided by orders; none where there was no order.",
           "收入除以订单数；没有订单时为空。"),
    Metric("discount_basis_points", "basis_points", "Discount share", "优惠占比",
           "Discounts as a share of the amount at the pump; none where that is nothing.",
           "优惠金额占挂牌金额的比例；挂牌金额为零时为空。"),
    Metric("share_basis_points", "basis_points", "Share", "占比",
           "What part of the orders whose way of paying is told were paid in this way; in totals of hours and days, "
           "of those of the days that are not left out.",
           "以该方式支付的订单占支付方式未隐去的订单的比例；在小时报表和每日报表的合计中，"
           "仅含未隐去的日期中的此类订单。"),
    Metric("station_id", "text", "Station id", "油站编号",
           "The id by which a station is known everywhere here.",
           "油站在本系统各处统一使用的编号。"),
    Metric("station", "text", "Station", "油站",
           "The station's name.",
           "油站的名称。"),
    Metric("currency", "text", "Currency", "币种",
           "The currency of the amounts, by its ISO 4217 code.",
           "金额的币种，以 ISO 4217 代码表示。"),
    Metric("revenue_share_basis_points", "basis_points", "Share of revenue", "收入占比",
           "The station's part of the revenue of all stations of the report in its currency.",
           "该油站的收入占报表中同币种全部油站收入的比例。"),
    Metric("revenue_change_basis_points", "basis_points", "Change of revenue", "收入变化",
           "From the revenue of the days that are compared with, as a part of that; none where it was nothing.",
           "收入相对于对比期间收入的变化比例；对比期间收入为零时为空。"),
    Metric("drivers", "count", "Drivers", "车主数",
           "Different drivers whose order was paid in the period, however often each came; in totals of hours and "
           "days, on the days that are not left out.",
           "期间内有订单完成支付的车主人数，同一车主无论到站几次只计一次；在小时报表和每日报表的合计中，"
           "仅含未隐去的日期。", about="people"),
    Metric("new_drivers", "count", "New drivers", "新车主",
           "Drivers whose first order ever at this station was paid in the period; left out with those who returned "
           "where either are fewer than 5, and in totals of hours and days where it is of one of the days.",
           "在本站的首笔订单于期间内完成支付的车主人数；新车主或回头车主任一不足 5 人时，两者均隐去；"
           "在小时报表和每日报表的合计中，只要其中一天隐去，合计也隐去。", about="people"),
    Metric("returning_drivers", "count", "Returning drivers", "回头车主",
           "Drivers of the period who had paid for an order at this station before it; left out as the new ones are.",
           "期间内的车主中，在期间之前已在本站支付过订单的人数；隐去规则与新车主相同。", about="people"),
)  # fmt: skip
