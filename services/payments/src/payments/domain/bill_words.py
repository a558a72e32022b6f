"""What a bill says, in Chinese and in English. Pure."""

from collections.abc import Mapping

from payments.domain.records import SOLD_BY_WEIGHT
from schemas.vocabulary import Fuel

Words = Mapping[str, str]

_ENGLISH: Words = {
    "title": "Monthly bill", "brand": "Forecourt", "period": "Period", "times_in": "Times in", "account": "Account",
    "so_far": "The month is not over: this is the bill so far.", "nothing": "Nothing was paid in this month.",
    "summary": "Summary", "fills": "Fills", "volume": "Volume", "amount": "Amount", "discount": "Discount",
    "paid": "Paid", "refunded": "Refunded", "net": "Fuel, after refunds", "recharged": "Put on cards",
    "by_grade": "By grade", "orders": "Refuelling", "by_day": "Refuelling, day by day", "refunds": "Refunds",
    "recharges": "Recharges", "cards": "Fuel cards", "date": "Date", "time": "Time", "kind": "Kind",
    "station": "Station", "grade": "Grade", "price": "Price", "method": "Paid with", "reason": "Reason",
    "total": "Total", "currency": "Currency", "order_id": "Order", "unit": "Unit", "card": "Card",
    "opening": "At the start", "closing": "At the end", "movement": "Movement", "page": "Page", "of": "of",
    "unknown_station": "Station", "litre": "L", "kilogram": "kg",
    "by_day_note": "There are {fills} fills: each is in the CSV file of this bill.",
    "rest_note": "There are {lines} of them, and here are the first: all are in the CSV file of this bill.",
    "note": "Amounts are in {currency}. Discounts are what coupons, points and campaigns took off. This bill is no "
            "invoice (fapiao).",
    "kind.fill": "Refuelling", "kind.refund": "Refund", "kind.recharge": "Recharge",
    "method.wechat": "WeChat Pay", "method.alipay": "Alipay", "method.fuel_card": "Fuel card",
    "method.none": "Discounts alone",
    "reason.not_dispensed": "Fuel not received", "reason.under_dispensed": "Less fuel than paid",
    "reason.wrong_amount": "Wrong amount", "reason.wrong_fuel": "Wrong grade", "reason.fuel_quality": "Fuel quality",
    "reason.duplicate": "Paid twice", "reason.goodwill": "Goodwill", "reason.other": "Other",
    "card.virtual": "Virtual card", "card.physical": "Physical card",
    "movement.payment": "Paid with it", "movement.capture": "Paid with it", "movement.deposit": "Paid ahead",
    "movement.release": "Paid ahead and not used", "movement.refund": "Refunds", "movement.recharge": "Recharges",
    "movement.unbinding": "Paid out", "movement.late_payment": "Late payments", "movement.reversal": "Reversals",
    "movement.correction": "Corrections",
    "fuel.petrol_92": "Petrol 92", "fuel.petrol_95": "Petrol 95", "fuel.petrol_98": "Petrol 98", "fuel.e5": "Super E5",
    "fuel.e10": "Super E10", "fuel.e85": "E85", "fuel.diesel_b0": "Diesel 0#", "fuel.diesel_b7": "Diesel B7",
    "fuel.premium_petrol": "Premium petrol", "fuel.premium_diesel": "Premium diesel", "fuel.lpg": "LPG",
    "fuel.cng": "CNG", "fuel.adblue": "AdBlue", "fuel.hydrogen": "Hydrogen",
}  # fmt: skip

_CHINESE: Words = {
    "title": "月度账单", "brand": "Forecourt", "period": "账期", "times_in": "时区", "account": "账户",
    "so_far": "本月尚未结束,此为截至目前的账单。", "nothing": "本月没有消费。",
    "summary": "汇总", "fills": "加油次数", "volume": "数量", "amount": "金额", "discount": "优惠",
    "paid": "实付", "refunded": "退款", "net": "退款后油费", "recharged": "充值",
    "by_grade": "按油品", "orders": "加油明细", "by_day": "加油明细(按日)", "refunds": "退款明细",
    "recharges": "充值明细", "cards": "加油卡", "date": "日期", "time": "时间", "kind": "类型",
    "station": "加油站", "grade": "油品", "price": "单价", "method": "支付方式", "reason": "原因",
    "total": "合计", "currency": "币种", "order_id": "订单号", "unit": "单位", "card": "加油卡",
    "opening": "期初余额", "closing": "期末余额", "movement": "变动", "page": "第", "of": "/",
    "unknown_station": "加油站", "litre": "升", "kilogram": "千克",
    "by_day_note": "本月共 {fills} 笔,逐笔明细见本账单的 CSV 文件。",
    "rest_note": "共 {lines} 笔,此处仅列前面部分,全部明细见本账单的 CSV 文件。",
    "note": "金额单位:{currency}。优惠包括优惠券、积分和活动。本账单不是发票。",
    "kind.fill": "加油", "kind.refund": "退款", "kind.recharge": "充值",
    "method.wechat": "微信支付", "method.alipay": "支付宝", "method.fuel_card": "加油卡", "method.none": "全额优惠",
    "reason.not_dispensed": "未加油", "reason.under_dispensed": "加油量不足", "reason.wrong_amount": "金额有误",
    "reason.wrong_fuel": "油品有误", "reason.fuel_quality": "油品质量", "reason.duplicate": "重复支付",
    "reason.goodwill": "商家补偿", "reason.other": "其他",
    "card.virtual": "电子卡", "card.physical": "实体卡",
    "movement.payment": "消费", "movement.capture": "消费", "movement.deposit": "预付",
    "movement.release": "预付退回", "movement.refund": "退款", "movement.recharge": "充值",
    "movement.unbinding": "余额退回", "movement.late_payment": "迟到付款", "movement.reversal": "冲正",
    "movement.correction": "更正",
    "fuel.petrol_92": "92# 汽油", "fuel.petrol_95": "95# 汽油", "fuel.petrol_98": "98# 汽油", "fuel.e5": "E5 汽油",
    "fuel.e10": "E10 汽油", "fuel.e85": "E85 汽油", "fuel.diesel_b0": "0# 柴油", "fuel.diesel_b7": "B7 柴油",
    "fuel.premium_petrol": "高级汽油", "fuel.premium_diesel": "高级柴油", "fuel.lpg": "液化石油气",
    "fuel.cng": "压缩天然气", "fuel.adblue": "车用尿素", "fuel.hydrogen": "氢气",
}  # fmt: skip

WORDS: Mapping[str, Words] = {"en": _ENGLISH, "zh": _CHINESE}
"""By language."""


def named(words: Words, kind: str, code: str) -> str:
    """What a code is called, e.g. (`reason`, `goodwill`); a new one that nobody has translated as it is."""
    return words.get(f"{kind}.{code}", code.replace("_", " "))


def unit_of(words: Words, fuel: Fuel) -> str:
    """What the grade is measured in."""
    return words["kilogram" if fuel in SOLD_BY_WEIGHT else "litre"]
